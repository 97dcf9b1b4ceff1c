import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Sighting } from '../../sighting.ts';
import type { HistoryState } from './messages.ts';

/** What one slice drops at most: the next commit does not wait long for it. */
const SLICE = { events: 1_000, bytes: 8 * 1024 * 1024 } as const;

/** How much may stay. */
export interface RetentionLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly maxAge: number;
}

/** How much there is; written with every change of the entries, in its transaction. */
export interface Tally {
  floor: number;
  events: number;
  bytes: number;
  head: number;
  oldest: number | null;
}

interface Size {
  readonly position: number;
  readonly time: number;
  readonly bytes: number;
}

/** Drops the oldest entries, a slice at a time. */
export class Retention {
  readonly #limits: RetentionLimits;
  readonly #sighting = new Sighting<number>();
  readonly #oldest: StatementSync;
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync, limits: RetentionLimits) {
    this.#limits = limits;
    this.#oldest = database.prepare(
      'SELECT position, time, bytes FROM entries WHERE position > ? ORDER BY position LIMIT ?',
    );
    this.#delete = database.prepare('DELETE FROM entries WHERE position <= ?');
  }

  /** Brings `oldest` of a tally up to date. */
  findOldest(tally: Tally): void {
    const [first] = this.#sizesAfter(tally.floor, 1);
    tally.oldest = first?.time ?? null;
  }

  /** Drops a slice of what is too much, and of what is too old. */
  trim(tally: Tally, now: number): void {
    if (!this.isOverfull(tally, now)) {
      return;
    }
    let freed = 0;
    const { floor } = tally;
    // One more than goes tells the time of the one that stays.
    const sizes = this.#sizesAfter(floor, SLICE.events + 1);
    for (const [index, { position, time, bytes }] of sizes.entries()) {
      tally.oldest = time;
      const isEnough = index >= SLICE.events || freed >= SLICE.bytes;
      if (isEnough || !this.isOverfull(tally, now)) {
        break;
      }
      tally.floor = position;
      tally.events--;
      tally.bytes -= bytes;
      tally.oldest = null;
      freed += bytes;
    }
    if (sizes.length === 0) {
      // Someone else has deleted what the tally counts.
      Object.assign(tally, { events: 0, bytes: 0, oldest: null });
    }
    if (tally.floor > floor) {
      this.#delete.run(tally.floor);
    }
  }

  /** Entries were appended that say a later time than it is. */
  noteAhead({ head }: Tally, now: number): void {
    this.#sighting.note(head, now);
  }

  isOverfull(tally: Tally, now: number): boolean {
    const { events, bytes } = tally;
    const { maxEvents, maxBytes, maxAge } = this.#limits;
    return (
      this.#oldestTime(tally, now) <= now - maxAge ||
      events > maxEvents ||
      (bytes > maxBytes && events > 1)
    );
  }

  #oldestTime({ floor, head, oldest }: Tally, now: number): number {
    return oldest === null
      ? Infinity
      : this.#sighting.timeOf(floor + 1, oldest, head, now);
  }

  #sizesAfter(position: number, limit: number): readonly Size[] {
    return this.#oldest.all(position, limit) as unknown as Size[];
  }
}

/** The part of a tally that readers are told. */
export function stateOf(tally: Tally, overfull: boolean): HistoryState {
  return {
    floor: tally.floor,
    head: tally.head,
    oldest: tally.oldest,
    overfull,
  };
}
