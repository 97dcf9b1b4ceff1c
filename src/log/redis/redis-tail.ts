import type { Cursor } from '../cursor.js';
import type { LogRecord, TailBatch } from '../event-log.js';
import { Chain } from './chain.js';
import type { Connector } from './connector.js';
import { HistoryReader } from './history-reader.js';
import { RedisConnection } from './redis-connection.js';
import type { ScriptCaller } from './script-caller.js';
import type { Signals } from './signals.js';

/** Bytes of signals that wait for a slow reader; what comes then is dropped, as signals may be. */
const MOST_SIGNALS = 1024 * 1024;

/** What a tail needs of its log. */
export interface TailOptions {
  readonly connector: Connector;
  readonly scripts: ScriptCaller;
  readonly signals: Signals;
  readonly onChange: () => void;
  readonly onEnd: () => void;
}

/**
 * One reader of a `RedisLog`, on a connection of its own: entries as its reader takes them, and among
 * them the signals that have come meanwhile.
 */
export class RedisTail implements AsyncIterableIterator<TailBatch> {
  readonly #connection: RedisConnection;
  readonly #history: AsyncGenerator<TailBatch, void>;
  readonly #unlisten: () => void;
  #signals: LogRecord[] = [];
  #signalBytes = 0;
  #batch: TailBatch | undefined;
  #isReading = false;
  #ended = false;
  #waiting: (() => void)[] = [];

  constructor(
    after: Cursor,
    private readonly options: TailOptions,
  ) {
    const { connector, scripts, signals, onChange } = options;
    this.#connection = new RedisConnection(connector, {
      onChange,
      isPinged: false,
    });
    this.#history = new HistoryReader(
      connector,
      this.#connection,
      scripts,
      new Chain(after),
    ).batches();
    this.#unlisten = signals.listen((records) => this.#push(records));
  }

  /** Why it gets nothing; `undefined` while it is connected. */
  get failure(): unknown {
    return this.#connection.failure;
  }

  async next(): Promise<IteratorResult<TailBatch>> {
    while (!this.#ended) {
      const value = this.#take();
      if (value !== undefined) {
        return { done: false, value };
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<TailBatch>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  end(): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#unlisten();
    this.#connection.close();
    this.#signals = [];
    this.#batch = undefined;
    this.#wake();
    this.options.onEnd();
  }

  #take(): TailBatch | undefined {
    const batch = this.#batch;
    if (batch !== undefined) {
      this.#batch = undefined;
      return batch;
    }
    // Also while signals follow upon one another, or entries would wait for their end.
    this.#read();
    if (this.#signals.length > 0) {
      const records = this.#signals;
      this.#signals = [];
      this.#signalBytes = 0;
      return { records };
    }
    return undefined;
  }

  /** Who is slow holds nothing in memory but one read. */
  #read(): void {
    if (this.#isReading) {
      return;
    }
    this.#isReading = true;
    void this.#history.next().then(({ done, value }) => {
      this.#isReading = false;
      if (done) {
        this.end();
      } else {
        this.#batch = value;
        this.#wake();
      }
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }

  #push(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (this.#signalBytes + record.data.length > MOST_SIGNALS) {
        return;
      }
      this.#signals.push(record);
      this.#signalBytes += record.data.length;
    }
    this.#wake();
  }
}
