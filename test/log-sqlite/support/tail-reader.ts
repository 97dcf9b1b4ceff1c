import type { LogEntry, LogGap, TailBatch } from 'nestjs-sse-hub';

/** Reads a tail and keeps what it yields. */
export class TailReader {
  readonly entries: LogEntry[] = [];
  readonly gaps: LogGap[] = [];
  ended = false;
  #check: () => void = () => undefined;

  constructor(tail: AsyncIterable<TailBatch>) {
    void this.#run(tail);
  }

  /** Waits until what was yielded fulfils a condition. */
  until(condition: (reader: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#check = () => condition(this) && resolve();
      this.#check();
    });
  }

  async #run(tail: AsyncIterable<TailBatch>): Promise<void> {
    for await (const batch of tail) {
      if ('gap' in batch) {
        this.gaps.push(batch.gap);
      } else {
        this.entries.push(
          ...batch.records.filter(
            (record): record is LogEntry => 'cursor' in record,
          ),
        );
      }
      this.#check();
    }
    this.ended = true;
    this.#check();
  }
}
