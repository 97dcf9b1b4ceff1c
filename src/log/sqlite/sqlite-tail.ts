import type { Cursor } from '../cursor.js';
import type { LogEntry, LogGap, LogRecord, TailBatch } from '../event-log.js';
import type { TailPage } from './open-file.js';

/** What the tail of a log asks of it. */
export interface TailSource {
  /** Resolves when it is a tail's turn to read, in that turn. */
  turn(): Promise<void>;
  /** What comes after a cursor; nothing while the file is not to be had. */
  read(after: Cursor): TailPage | undefined;
  /** The tail holds less than it did. */
  pulled(): void;
  returned(tail: SqliteTail): void;
}

/** Records that are yielded at once: who tails should ask for more before long. */
const BATCH_RECORDS = 512;

/** What may wait to be pulled, in characters of data, before appends wait for the tail. */
const MAX_LAG = 1024 * 1024;

/** How long appends wait for a tail that pulls nothing, in milliseconds. */
const PATIENCE = 60_000;

/**
 * One reader of a `SqliteLog`. What is committed is pushed to it as long as it keeps up; it reads pages of the file
 * when it begins behind, after the file was away, and when nobody has pulled for so long that
 * nothing more is kept for it.
 */
export class SqliteTail implements AsyncIterableIterator<TailBatch> {
  #records: (LogEntry | LogRecord)[] = [];
  #gap: LogGap | undefined;
  #floor: Cursor | undefined;
  #toldFloor: Cursor | undefined;
  #lag = 0;
  /** The last entry that was yielded. */
  #yielded: Cursor;
  /** The last entry that was yielded or waits to be. */
  #reached: Cursor;
  /** What is committed next comes by `push`. */
  #live = false;
  #reading = false;
  #ended = false;
  #waiting: ((result: IteratorResult<TailBatch>) => void) | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(
    after: Cursor,
    private readonly source: TailSource,
  ) {
    this.#yielded = this.#reached = after;
  }

  /** Whether appends wait for it. One that reads pages holds nobody up. */
  get isFull(): boolean {
    return this.#live && this.#holdsEnough;
  }

  get #holdsEnough(): boolean {
    return this.#lag > MAX_LAG;
  }

  /** Takes what was committed. */
  push(entries: readonly LogEntry[], floor: Cursor): void {
    if (!this.#live || this.#ended) {
      // It comes to them by pages.
      return;
    }
    for (const entry of entries) {
      // A page may have been read after the commit and before this.
      if (entry.cursor > this.#reached) {
        this.#hold(entry);
        this.#reached = entry.cursor;
      }
    }
    this.#learnFloor(floor);
    this.#settle();
  }

  /** Takes signals, but no more of them than entries: they may be lost. */
  signal(records: readonly LogRecord[]): void {
    if (this.#ended || this.#holdsEnough) {
      return;
    }
    for (const record of records) {
      this.#hold(record);
    }
    this.#settle();
  }

  /** What it has not got yet is to be read from the file, which is another one or was away. */
  readOn(): void {
    this.#live = false;
    this.#settle();
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#patience);
    this.#settle();
  }

  next(): Promise<IteratorResult<TailBatch>> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#settle();
    });
  }

  return(): Promise<IteratorResult<TailBatch>> {
    this.#drop();
    this.#floor = undefined;
    this.end();
    this.source.returned(this);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #hold(record: LogEntry | LogRecord): void {
    this.#records.push(record);
    this.#lag += record.data.length;
    if (this.#holdsEnough && this.#patience === undefined) {
      this.#startPatience();
    }
  }

  #startPatience(): void {
    clearTimeout(this.#patience);
    this.#patience = this.#holdsEnough
      ? setTimeout(() => this.#giveUp(), PATIENCE).unref()
      : undefined;
  }

  #giveUp(): void {
    this.#drop();
    this.#live = false;
    this.source.pulled();
  }

  #drop(): void {
    this.#records = [];
    this.#gap = undefined;
    this.#lag = 0;
    this.#reached = this.#yielded;
  }

  #settle(): void {
    const resolve = this.#waiting;
    if (resolve === undefined) {
      return;
    }
    const value = this.#take();
    if (value !== undefined) {
      this.#waiting = undefined;
      this.#startPatience();
      resolve({ done: false, value });
      this.source.pulled();
    } else if (this.#ended) {
      this.#waiting = undefined;
      resolve({ done: true, value: undefined });
      return;
    }
    // What comes after a gap is read when the gap was yielded.
    const isDue = !this.#live && this.#gap === undefined;
    if (isDue && !this.#reading && !this.#holdsEnough) {
      void this.#read();
    }
  }

  #take(): TailBatch | undefined {
    if (this.#records.length > 0 && !this.#isGapNext) {
      const records = this.#records.splice(0, BATCH_RECORDS);
      for (const record of records) {
        this.#lag -= record.data.length;
        if ('cursor' in record) {
          this.#yielded = record.cursor;
        }
      }
      return { records, floor: this.#takeFloor() };
    }
    if (this.#gap !== undefined) {
      const gap = this.#gap;
      this.#gap = undefined;
      this.#yielded = gap.position;
      return { gap };
    }
    const floor = this.#takeFloor();
    return floor === undefined ? undefined : { records: [], floor };
  }

  /** Entries that were held before it come first; signals, of which there may always be one more, do not. */
  get #isGapNext(): boolean {
    return (
      this.#gap !== undefined &&
      !this.#records.some((record) => 'cursor' in record)
    );
  }

  #learnFloor(floor: Cursor): void {
    if (floor !== this.#toldFloor) {
      this.#floor = this.#toldFloor = floor;
    }
  }

  #takeFloor(): Cursor | undefined {
    const floor = this.#floor;
    this.#floor = undefined;
    return floor;
  }

  /** Reads on, and is live in the turn in which it has read everything. */
  async #read(): Promise<void> {
    this.#reading = true;
    await this.source.turn();
    this.#reading = false;
    const page = this.#ended ? undefined : this.source.read(this.#reached);
    if (page === undefined) {
      return;
    }
    if ('gap' in page) {
      this.#gap = page.gap;
      this.#reached = page.gap.position;
    } else {
      for (const entry of page.entries) {
        this.#hold(entry);
        this.#reached = entry.cursor;
      }
      this.#learnFloor(page.floor);
      this.#live = !page.more;
    }
    this.#settle();
  }
}
