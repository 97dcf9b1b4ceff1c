import type { LogEntry, LogRecord } from '../event-log.js';
import { LogUnavailableException } from '../log.exceptions.js';
import type { Connector } from './connector.js';
import { toCursor } from './position.js';
import type { StreamId } from './position.js';
import { closedError } from './redis-connection.js';
import type { RedisConnection } from './redis-connection.js';
import { explain, isPassing, isReply } from './redis-error.js';
import type { RedisLink } from './redis-link.js';
import type { ScriptCaller } from './script-caller.js';
import { APPEND } from './scripts.js';
import { readEntry, toArguments } from './stored-entry.js';
import type { RawEntry } from './stored-entry.js';

/** Bytes of data, and records, that one call of the script takes; one append is never divided. */
const BATCH = { bytes: 256 * 1024, records: 256 } as const;

/** Bytes of data that may wait for the server. */
const MOST_WAITING = 64 * 1024 * 1024;

interface PendingAppend {
  readonly records: readonly LogRecord[];
  /** What the script is told of them. */
  readonly args: readonly string[];
  readonly bytes: number;
  readonly resolve: (entries: readonly LogEntry[]) => void;
  readonly reject: (error: Error) => void;
  isSent: boolean;
  isSettled: boolean;
}

type AppendReply = readonly [
  epoch: string,
  results: readonly (StreamId | RawEntry)[],
];

/**
 * Appends of one node in their order: those that wait while one call of the script runs share the next.
 * Each is answered within the timeout, and what was rejected before it was sent is never sent.
 */
export class AppendQueue {
  /** What waits to be sent, in its order; what is settled meanwhile is not in it. */
  #queue = new Set<PendingAppend>();
  #bytes = 0;
  #running = false;
  #closed = false;

  constructor(
    private readonly connector: Connector,
    private readonly connection: RedisConnection,
    private readonly scripts: ScriptCaller,
  ) {}

  /** @throws LogUnavailableException */
  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    if (this.#closed) {
      return Promise.reject(closedError());
    }
    if (this.#bytes > MOST_WAITING) {
      return Promise.reject(
        new LogUnavailableException(
          `${this.#bytes} bytes wait for Redis at ${this.connector.address} already; the event was not sent.`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const bytes = records.reduce((sum, { data }) => sum + data.length, 0);
      const settle = (): void => {
        clearTimeout(timer);
        pending.isSettled = true;
        this.#queue.delete(pending);
        this.#bytes -= bytes;
      };
      const pending: PendingAppend = {
        // What the caller does with them later is not stored.
        records: records.map((record) => ({ ...record })),
        args: records.flatMap(toArguments),
        bytes,
        resolve: (entries) => {
          settle();
          resolve(entries);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        isSent: false,
        isSettled: false,
      };
      const timer = setTimeout(
        () => pending.reject(this.#late(pending.isSent)),
        this.connector.timeout,
      );
      this.#bytes += bytes;
      this.#queue.add(pending);
      void this.#run();
    });
  }

  close(): void {
    this.#closed = true;
    for (const pending of this.#queue) {
      pending.reject(closedError());
    }
  }

  async #run(): Promise<void> {
    if (this.#running) {
      return;
    }
    this.#running = true;
    while (this.#queue.size > 0) {
      const link = await this.connection.link().catch(() => undefined);
      if (link === undefined) {
        break;
      }
      const batch = this.#takeBatch();
      if (batch.length > 0) {
        await this.#send(link, batch);
      }
    }
    this.#running = false;
  }

  #takeBatch(): PendingAppend[] {
    const batch: PendingAppend[] = [];
    let bytes = 0;
    let records = 0;
    for (const pending of this.#queue) {
      bytes += pending.bytes;
      records += pending.records.length;
      if (
        batch.length > 0 &&
        (bytes > BATCH.bytes || records > BATCH.records)
      ) {
        break;
      }
      batch.push(pending);
      this.#queue.delete(pending);
    }
    return batch;
  }

  async #send(link: RedisLink, batch: PendingAppend[]): Promise<void> {
    for (const pending of batch) {
      pending.isSent = true;
    }
    try {
      const args = batch.flatMap((pending) => pending.args);
      const reply = await this.scripts.call<AppendReply>(link, APPEND, args);
      this.#settle(batch, reply);
    } catch (error) {
      if (isPassing(error) && !this.#closed) {
        // It has not run, and may run elsewhere or later.
        link.destroy(error as Error);
        this.#putBack(batch);
      } else {
        this.#fail(batch, error);
      }
    }
  }

  #settle(batch: PendingAppend[], [epoch, results]: AppendReply): void {
    let next = 0;
    for (const pending of batch) {
      const entries = pending.records.map((record) =>
        toEntry(epoch, record, results[next++]!),
      );
      if (!pending.isSettled) {
        pending.resolve(entries);
      }
    }
  }

  #putBack(batch: PendingAppend[]): void {
    for (const pending of batch) {
      pending.isSent = false;
    }
    this.#queue = new Set([
      ...batch.filter(({ isSettled }) => !isSettled),
      ...this.#queue,
    ]);
  }

  #fail(batch: PendingAppend[], error: unknown): void {
    const message = isReply(error)
      ? `Redis at ${this.connector.address} has not stored the event: ${explain(error)}`
      : unknownFate(this.connector.address, explain(error));
    for (const pending of batch) {
      if (!pending.isSettled) {
        pending.reject(
          this.#closed
            ? closedError()
            : new LogUnavailableException(message, { cause: error }),
        );
      }
    }
  }

  #late(isSent: boolean): LogUnavailableException {
    const { address, timeout } = this.connector;
    const { failure } = this.connection;
    return new LogUnavailableException(
      isSent
        ? unknownFate(address, `no answer within ${timeout} ms.`)
        : `Redis at ${address} has not been reached within ${timeout} ms; the event was not sent${failure === undefined ? '.' : `: ${explain(failure)}`}`,
      { cause: failure },
    );
  }
}

/** @throws RangeError when the stream has ids that fit no cursor */
function toEntry(
  epoch: string,
  record: LogRecord,
  result: StreamId | RawEntry,
): LogEntry {
  if (typeof result === 'string') {
    return { ...record, cursor: toCursor(epoch, result) };
  }
  const earlier = readEntry(result)!;
  return { ...earlier.record, cursor: toCursor(epoch, earlier.id) };
}

function unknownFate(address: string, reason: string): string {
  return `Whether Redis at ${address} has stored the event is not known: ${reason} Publish again with the same "idempotencyKey" to have it once.`;
}
