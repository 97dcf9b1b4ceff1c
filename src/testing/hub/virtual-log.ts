import type { Cursor } from '../../log/cursor.js';
import { cursorAt } from '../../log/cursor.js';
import type {
  EventLog,
  LogBounds,
  LogCapabilities,
  LogEntry,
  LogHealth,
  LogPage,
  LogPageLimit,
  LogRecord,
  TailBatch,
} from '../../log/event-log.js';
import { RetainedSequence } from '../../log/retained-sequence.js';

const EPOCH = 'virtual';

/** More than a test on virtual time publishes; the default of `MemoryLog`. */
const MOST = { events: 10_000, bytes: 64 * 1024 * 1024 } as const;

/**
 * A log whose records are dispatched in the very call that appends them: on virtual time there is no
 * later turn. It has no tail, and time does not pass in it.
 */
export class VirtualLog implements EventLog {
  readonly capabilities: LogCapabilities = { durable: false, shared: false };
  /** Where its records go. */
  onRecord: (record: LogEntry | LogRecord) => void = () => undefined;
  readonly #entries = new RetainedSequence<LogEntry>(
    MOST,
    cursorAt(EPOCH, 0),
    ({ idempotencyKey }) => this.#keys.delete(idempotencyKey ?? ''),
  );
  readonly #keys = new Map<string, LogEntry>();
  readonly #undispatched: (LogEntry | LogRecord)[] = [];
  #dispatching = false;
  #position = 0;

  get boundsNow(): LogBounds {
    const { floor, head } = this.#entries;
    return { epoch: EPOCH, floor, head };
  }

  /** Appends a record and has it dispatched, behind the one that is being dispatched now. */
  appendNow(record: LogRecord): LogEntry {
    const key = record.idempotencyKey;
    const earlier = key === undefined ? undefined : this.#keys.get(key);
    if (earlier !== undefined) {
      return earlier;
    }
    const entry = { ...record, cursor: cursorAt(EPOCH, ++this.#position) };
    this.#entries.push(entry.cursor, entry, Buffer.byteLength(entry.data));
    if (key !== undefined) {
      this.#keys.set(key, entry);
    }
    this.dispatch(entry);
    return entry;
  }

  /** Has a record dispatched without keeping it. */
  dispatch(record: LogEntry | LogRecord): void {
    this.#undispatched.push(record);
    if (this.#dispatching) {
      return;
    }
    this.#dispatching = true;
    try {
      for (
        let next = this.#undispatched.shift();
        next !== undefined;
        next = this.#undispatched.shift()
      ) {
        this.onRecord(next);
      }
    } finally {
      this.#dispatching = false;
    }
  }

  open(): Promise<LogBounds> {
    return this.bounds();
  }

  bounds(): Promise<LogBounds> {
    return Promise.resolve(this.boundsNow);
  }

  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    return Promise.resolve(records.map((record) => this.appendNow(record)));
  }

  signal(records: readonly LogRecord[]): Promise<void> {
    records.forEach((record) => this.dispatch(record));
    return Promise.resolve();
  }

  async *tail(): AsyncIterable<TailBatch> {}

  read(after: Cursor, limit: LogPageLimit): Promise<LogPage> {
    const entries = this.#entries.after(after, limit);
    return Promise.resolve({ entries, floor: this.#entries.floor });
  }

  readBack(through: Cursor, limit: LogPageLimit): Promise<LogPage> {
    const entries = this.#entries.before(through, limit);
    return Promise.resolve({ entries, floor: this.#entries.floor });
  }

  health(): LogHealth {
    return { status: 'up' };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
