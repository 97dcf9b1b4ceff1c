import type { Cursor } from '../cursor.js';
import type { LogGap, LogRecord, TailBatch } from '../event-log.js';

/** One reader of a `MemoryLog`: what was committed and not yet pulled, in order. */
export class MemoryTail implements AsyncIterableIterator<TailBatch> {
  #records: LogRecord[] = [];
  #floor: Cursor | undefined;
  #gap: LogGap | undefined;
  #lag = 0;
  #ended = false;
  #waiting: ((result: IteratorResult<TailBatch>) => void) | undefined;

  constructor(
    private readonly onPull: () => void,
    private readonly onReturn: () => void,
  ) {}

  /** Characters of data that wait to be pulled. */
  get lag(): number {
    return this.#lag;
  }

  push(records: readonly LogRecord[], floor?: Cursor): void {
    if (this.#ended) {
      return;
    }
    for (const record of records) {
      this.#records.push(record);
      this.#lag += record.data.length;
    }
    this.#floor = floor ?? this.#floor;
    this.#settle();
  }

  gap(gap: LogGap): void {
    this.#gap = gap;
    this.#settle();
  }

  end(): void {
    this.#ended = true;
    this.#settle();
  }

  next(): Promise<IteratorResult<TailBatch>> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#settle();
    });
  }

  return(): Promise<IteratorResult<TailBatch>> {
    this.#records = [];
    this.#floor = this.#gap = undefined;
    this.#lag = 0;
    this.end();
    this.onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #settle(): void {
    const resolve = this.#waiting;
    if (resolve === undefined) {
      return;
    }
    const value = this.#take();
    if (value !== undefined) {
      this.#waiting = undefined;
      resolve({ done: false, value });
      this.onPull();
    } else if (this.#ended) {
      this.#waiting = undefined;
      resolve({ done: true, value: undefined });
    }
  }

  #take(): TailBatch | undefined {
    if (this.#gap !== undefined) {
      const gap = this.#gap;
      this.#gap = undefined;
      return { gap };
    }
    if (this.#records.length === 0 && this.#floor === undefined) {
      return undefined;
    }
    const batch: TailBatch = { records: this.#records, floor: this.#floor };
    this.#records = [];
    this.#floor = undefined;
    this.#lag = 0;
    return batch;
  }
}
