import type {
  EventLog,
  LogEntry,
  LogGap,
  LogRecord,
  TailBatch,
} from 'nestjs-sse-hub';

/** Reads a log's tail and keeps what it yields. */
export class TailReader {
  readonly entries: LogEntry[] = [];
  readonly signals: LogRecord[] = [];
  readonly gaps: LogGap[] = [];
  /** Entries and gaps in the order in which they came. */
  readonly story: (LogEntry | LogGap)[] = [];
  floor: string | undefined;
  ended = false;
  readonly #waiting: (() => void)[] = [];
  readonly #iterator: AsyncIterator<TailBatch>;
  #paused: Promise<void> | undefined;
  #resume: (() => void) | undefined;

  constructor(log: EventLog, after: string) {
    this.#iterator = log.tail(after)[Symbol.asyncIterator]();
    void this.#read();
  }

  get data(): unknown[] {
    return this.entries.map(({ data }) => JSON.parse(data) as unknown);
  }

  get cursors(): string[] {
    return this.entries.map(({ cursor }) => cursor);
  }

  /** Resolves when the condition holds after a batch, or does already. */
  async until(condition: (reader: this) => boolean): Promise<this> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this;
  }

  /** Takes no batch after the one that it waits for. */
  pause(): void {
    this.#paused ??= new Promise((resolve) => (this.#resume = resolve));
  }

  resume(): void {
    this.#resume?.();
    this.#paused = undefined;
  }

  async stop(): Promise<void> {
    await this.#iterator.return?.();
  }

  async #read(): Promise<void> {
    for (;;) {
      await this.#paused;
      const { done, value } = await this.#iterator.next();
      if (done) {
        this.ended = true;
        break;
      }
      this.#keep(value);
      this.#tell();
    }
    this.#tell();
  }

  #keep(batch: TailBatch): void {
    if ('gap' in batch) {
      this.floor = batch.gap.floor;
      this.gaps.push(batch.gap);
      this.story.push(batch.gap);
      return;
    }
    for (const record of batch.records) {
      if ('cursor' in record) {
        this.entries.push(record);
        this.story.push(record);
      } else {
        this.signals.push(record);
      }
    }
    this.floor = batch.floor ?? this.floor;
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }
}
