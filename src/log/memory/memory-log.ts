import { randomBytes } from 'node:crypto';
import { checkOptions } from '../../options/check-options.js';
import type { Cursor } from '../cursor.js';
import { cursorAt, epochOf } from '../cursor.js';
import type {
  EventLog,
  LogBounds,
  LogCapabilities,
  LogEntry,
  LogHealth,
  LogPage,
  LogPageLimit,
  LogRecord,
  RetentionOptions,
  TailBatch,
} from '../event-log.js';
import { LogUnavailableException } from '../log.exceptions.js';
import { RetainedSequence } from '../retained-sequence.js';
import { Sighting } from '../sighting.js';
import { MemoryTail } from './memory-tail.js';

/** How much history a `MemoryLog` keeps. Whichever bound is reached first counts. */
export interface MemoryLogOptions extends RetentionOptions {
  /**
   * Events kept.
   * @default 10_000
   */
  maxEvents?: number;
  /**
   * Bytes of event data kept.
   * @default 67_108_864 (64 MiB)
   */
  maxBytes?: number;
  /**
   * How long an event is kept, in milliseconds.
   * @default 3_600_000 (one hour)
   */
  maxAge?: number;
}

interface PendingAppend {
  readonly records: readonly LogRecord[];
  readonly resolve: (entries: readonly LogEntry[]) => void;
  readonly reject: (error: Error) => void;
}

/** Bytes that a commit takes from the queue of appends in one turn of the event loop. */
const COMMIT_BYTES = 256 * 1024;

/** Bytes that a tail may lag behind before appends wait for it. */
const MAX_LAG_BYTES = 1024 * 1024;

/**
 * The log of one process: history lives and dies with it. Every start is a new
 * epoch, so a client that comes back to a restarted process gets `hub.reset`.
 */
export class MemoryLog implements EventLog {
  readonly capabilities: LogCapabilities = { durable: false, shared: false };
  readonly #maxAge: number;
  readonly #epoch = `m${Date.now().toString(36)}${randomBytes(3).toString('hex')}`;
  readonly #entries: RetainedSequence<LogEntry>;
  readonly #keys = new Map<string, LogEntry>();
  readonly #sighting = new Sighting<Cursor>();
  readonly #tails = new Set<MemoryTail>();
  #queue: PendingAppend[] = [];
  #commit: NodeJS.Immediate | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #position = 0;
  #closed = false;

  constructor(options: MemoryLogOptions = {}) {
    checkOptions('MemoryLog', options, {
      maxEvents: { type: 'integer', min: 1 },
      maxBytes: { type: 'integer', min: 1 },
      maxAge: { type: 'number', min: 1 },
    });
    this.#maxAge = options.maxAge ?? 3_600_000;
    this.#entries = new RetainedSequence(
      {
        events: options.maxEvents ?? 10_000,
        bytes: options.maxBytes ?? 64 * 1024 * 1024,
      },
      cursorAt(this.#epoch, 0),
      (entry) => {
        if (entry.idempotencyKey !== undefined) {
          this.#keys.delete(entry.idempotencyKey);
        }
      },
    );
  }

  open(): Promise<LogBounds> {
    return this.bounds();
  }

  bounds(): Promise<LogBounds> {
    return this.#give(() => ({
      epoch: this.#epoch,
      floor: this.#entries.floor,
      head: this.#entries.head,
    }));
  }

  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closedError());
        return;
      }
      this.#queue.push({ records, resolve, reject });
      this.#scheduleCommit();
    });
  }

  signal(records: readonly LogRecord[]): Promise<void> {
    if (this.#closed) {
      return Promise.reject(closedError());
    }
    for (const tail of this.#tails) {
      tail.push(records);
    }
    return Promise.resolve();
  }

  tail(after: Cursor): AsyncIterable<TailBatch> {
    const { floor } = this.#entries;
    const isLost =
      epochOf(after) !== this.#epoch || !this.#entries.covers(after);
    const missed = this.#entries.after(isLost ? floor : after, {
      events: Infinity,
      bytes: Infinity,
    });
    const tail = new MemoryTail(
      () => this.#scheduleCommit(),
      () => {
        this.#tails.delete(tail);
        this.#scheduleCommit();
      },
    );
    if (isLost) {
      tail.gap({ epoch: this.#epoch, floor, position: floor });
    }
    tail.push(missed, floor);
    if (this.#closed) {
      tail.end();
    } else {
      this.#tails.add(tail);
    }
    return tail;
  }

  read(after: Cursor, limit: LogPageLimit): Promise<LogPage> {
    return this.#give(() => ({
      entries: this.#entries.after(after, limit),
      floor: this.#entries.floor,
    }));
  }

  readBack(through: Cursor, limit: LogPageLimit): Promise<LogPage> {
    return this.#give(() => ({
      entries: this.#entries.before(through, limit),
      floor: this.#entries.floor,
    }));
  }

  /**
   * Lets go of everything that it has now, as if it were too old; for tests.
   *
   * @internal
   */
  evict(): void {
    this.#entries.dropThrough(this.#entries.head);
    for (const tail of this.#tails) {
      tail.push([], this.#entries.floor);
    }
  }

  health(): LogHealth {
    return this.#closed
      ? { status: 'down', reason: 'The log is closed.' }
      : { status: 'up' };
  }

  close(): Promise<void> {
    this.#closed = true;
    clearImmediate(this.#commit);
    clearTimeout(this.#expiry);
    for (const { reject } of this.#queue.splice(0)) {
      reject(
        new LogUnavailableException(
          'The log was closed before it took the event.',
        ),
      );
    }
    for (const tail of this.#tails) {
      tail.end();
    }
    return Promise.resolve();
  }

  /** What is retained now, which is nothing that is too old. */
  #give<T>(of: () => T): Promise<T> {
    if (this.#closed) {
      return Promise.reject(closedError());
    }
    this.#expire();
    return Promise.resolve(of());
  }

  /**
   * A commit a turn: publishers that await one another give the event loop its
   * turn, and those of one turn share a batch.
   */
  #scheduleCommit(): void {
    if (this.#commit === undefined && this.#queue.length > 0 && !this.#closed) {
      this.#commit = setImmediate(() => this.#commitBatch());
    }
  }

  #commitBatch(): void {
    this.#commit = undefined;
    for (const tail of this.#tails) {
      if (tail.lag > MAX_LAG_BYTES) {
        // The tail schedules the next commit when it has been read.
        return;
      }
    }
    let bytes = 0;
    let taken = 0;
    const added: LogEntry[] = [];
    const results: (() => void)[] = [];
    while (taken < this.#queue.length && bytes < COMMIT_BYTES) {
      const { records, resolve } = this.#queue[taken++]!;
      const entries = records.map((record) => this.#add(record, added));
      bytes += records.reduce((sum, record) => sum + record.data.length, 0);
      results.push(() => resolve(entries));
    }
    this.#queue.splice(0, taken);
    const now = Date.now();
    if (added.some(({ time }) => time > now)) {
      this.#sighting.note(this.#entries.head, now);
    }
    this.#expire();
    for (const tail of this.#tails) {
      tail.push(added, this.#entries.floor);
    }
    for (const settle of results) {
      settle();
    }
    this.#scheduleCommit();
  }

  #add(record: LogRecord, added: LogEntry[]): LogEntry {
    const key = record.idempotencyKey;
    const earlier = key === undefined ? undefined : this.#keys.get(key);
    if (earlier !== undefined) {
      return earlier;
    }
    const entry: LogEntry = {
      ...record,
      cursor: cursorAt(this.#epoch, ++this.#position),
    };
    this.#entries.push(entry.cursor, entry, Buffer.byteLength(entry.data));
    if (key !== undefined) {
      this.#keys.set(key, entry);
    }
    added.push(entry);
    return entry;
  }

  #expire(): void {
    const now = Date.now();
    const limit = now - this.#maxAge;
    const before = this.#entries.floor;
    while (this.#entries.size > 0 && this.#oldestTime(now) <= limit) {
      this.#entries.dropOldest();
    }
    if (this.#entries.floor !== before) {
      for (const tail of this.#tails) {
        tail.push([], this.#entries.floor);
      }
    }
    if (this.#expiry === undefined && this.#entries.size > 0 && !this.#closed) {
      const wait = this.#oldestTime(now) - limit;
      this.#expiry = setTimeout(
        () => {
          this.#expiry = undefined;
          this.#expire();
        },
        Math.min(wait, MAX_TIMEOUT),
      ).unref();
    }
  }

  #oldestTime(now: number): number {
    const { head, oldest } = this.#entries;
    const { cursor, time } = oldest!;
    return this.#sighting.timeOf(cursor, time, head, now);
  }
}

function closedError(): LogUnavailableException {
  return new LogUnavailableException(
    'The log is closed: the application is shutting down.',
  );
}

/** Longer timeouts fire at once (Node's documentation of `setTimeout`). */
const MAX_TIMEOUT = 2 ** 31 - 1;
