import assert, { AssertionError } from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Cursor } from '../../log/cursor.js';
import { epochOf } from '../../log/cursor.js';
import type {
  EventLog,
  LogEntry,
  LogGap,
  LogRecord,
  TailBatch,
} from '../../log/event-log.js';
import { within } from './patience.js';

/** What a tail has said: an entry, or that there is a gap. */
export type Told = { readonly entry: LogEntry } | { readonly gap: LogGap };

/**
 * Reads a tail as a node does and judges, batch by batch, what holds for every tail: one direction,
 * one history, gaps only where something is gone.
 */
export class TailReader {
  /** Entries and gaps in the order in which they came. */
  readonly told: Told[] = [];
  readonly signals: LogRecord[] = [];
  readonly #iterator: AsyncIterator<TailBatch>;
  readonly #watchers = new Set<() => void>();
  #position: Cursor;
  #epoch: string;
  #floor: Cursor = '';
  #failure: unknown;
  #ended = false;

  constructor(
    log: EventLog,
    readonly after: Cursor,
    private readonly patience: number,
  ) {
    this.#position = after;
    this.#epoch = epochOf(after);
    this.#iterator = log.tail(after)[Symbol.asyncIterator]();
  }

  get entries(): LogEntry[] {
    return this.told.flatMap((item) => ('entry' in item ? [item.entry] : []));
  }

  get gaps(): LogGap[] {
    return this.told.flatMap((item) => ('gap' in item ? [item.gap] : []));
  }

  /** The last entry, or where the last gap says that the tail goes on. */
  get position(): Cursor {
    return this.#position;
  }

  /** Pulls batches until the tail ends or `stop` is called. */
  run(): this {
    void this.#run();
    return this;
  }

  /** Pulls one batch. `false` when the tail has ended. */
  async pull(): Promise<boolean> {
    await within(this.patience, 'the next batch of a tail', this.#pull());
    return !this.#ended;
  }

  /** The tail has met this entry, or a gap that goes beyond it. */
  reaches(cursor: Cursor): Promise<void> {
    return this.until(
      `a tail reaches ${cursor}`,
      () => this.#position >= cursor && epochOf(cursor) === this.#epoch,
    );
  }

  /** The tail has ended. */
  ends(): Promise<void> {
    return this.until('a tail ends', () => this.#ended);
  }

  /** @throws AssertionError when it does not come to hold, or something of a tail does not hold */
  async until(what: string, holds: () => boolean): Promise<void> {
    let check = (): void => undefined;
    const come = new Promise<void>((resolve) => {
      check = () => {
        if (holds() || this.#failure !== undefined) {
          resolve();
        }
      };
      this.#watchers.add(check);
      check();
    });
    await within(this.patience, what, come).finally(() =>
      this.#watchers.delete(check),
    );
    this.check();
  }

  /** @throws what does not hold of what came so far */
  check(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  /** Leaves the tail, as `break` does. */
  async stop(): Promise<void> {
    await this.#iterator.return?.();
  }

  async #run(): Promise<void> {
    while (!this.#ended && this.#failure === undefined) {
      await this.#pull().catch((error: unknown) => {
        this.#failure = error;
      });
      for (const check of this.#watchers) {
        check();
      }
      // A tail that always has a batch would leave nobody else a turn.
      await nextTurn();
    }
  }

  async #pull(): Promise<void> {
    const result = await this.#iterator.next().catch((cause: unknown) => {
      throw new AssertionError({
        message: `A tail has thrown; it waits for the engine instead: ${String(cause)}`,
      });
    });
    if (result.done) {
      this.#ended = true;
    } else if ('gap' in result.value) {
      this.#meetGap(result.value.gap);
    } else {
      this.#meetRecords(result.value.records);
      this.#meetFloor(result.value.floor);
    }
  }

  #meetRecords(records: readonly (LogEntry | LogRecord)[]): void {
    for (const record of records) {
      if (!isEntry(record)) {
        this.signals.push(record);
        continue;
      }
      const { cursor } = record;
      assert.equal(
        epochOf(cursor),
        this.#epoch,
        'a tail yields entries of another epoch only after a gap',
      );
      assert.ok(
        cursor > this.#position,
        `a tail yields each entry once and in order; ${cursor} came after ${this.#position}`,
      );
      this.#position = cursor;
      this.told.push({ entry: record });
    }
  }

  #meetGap(gap: LogGap): void {
    const { epoch, floor, position } = gap;
    assert.equal(epochOf(floor), epoch, "a gap's floor is of its epoch");
    assert.equal(epochOf(position), epoch, "a gap's position is of its epoch");
    assert.ok(
      position >= floor,
      `nothing is to be had below the floor, so a tail cannot go on there: position ${position}, floor ${floor}`,
    );
    if (epoch === this.#epoch) {
      assert.ok(
        floor > this.#position,
        `a gap within an epoch says that something after the tail's position is gone; floor ${floor}, position ${this.#position}`,
      );
      assert.equal(
        position,
        floor,
        'a tail that has yielded nothing after the floor goes on from there',
      );
    }
    this.#epoch = epoch;
    this.#position = position;
    this.#floor = floor;
    this.told.push({ gap });
  }

  #meetFloor(floor: Cursor | undefined): void {
    if (floor === undefined) {
      return;
    }
    assert.equal(
      epochOf(floor),
      this.#epoch,
      'the floor that a tail tells is of the epoch that it yields',
    );
    assert.ok(
      floor >= this.#floor,
      `the floor never moves down; a tail told ${floor} after ${this.#floor}`,
    );
    this.#floor = floor;
  }
}

function isEntry(record: LogEntry | LogRecord): record is LogEntry {
  return 'cursor' in record && record.cursor !== undefined;
}
