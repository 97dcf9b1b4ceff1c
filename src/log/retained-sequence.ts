import type { Cursor } from './cursor.js';

interface Slot<T> {
  readonly cursor: Cursor;
  readonly item: T;
  readonly bytes: number;
}

/** How much a sequence keeps. */
export interface RetentionLimits {
  readonly events: number;
  readonly bytes: number;
}

/** Items in cursor order of which the oldest go when a limit is passed. */
export class RetainedSequence<T> {
  /** Slots before `#start` are emptied at once and cut off in bulk. */
  #slots: (Slot<T> | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  #floor: Cursor;

  constructor(
    private readonly limits: RetentionLimits,
    floor: Cursor,
    private readonly onDrop?: (item: T) => void,
  ) {
    this.#floor = floor;
  }

  /** The highest cursor that is gone. */
  get floor(): Cursor {
    return this.#floor;
  }

  /** The newest cursor; the floor when nothing is kept. */
  get head(): Cursor {
    return this.#slots.at(-1)?.cursor ?? this.#floor;
  }

  get size(): number {
    return this.#slots.length - this.#start;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): T | undefined {
    return this.#slots[this.#start]?.item;
  }

  push(cursor: Cursor, item: T, bytes: number): void {
    this.#slots.push({ cursor, item, bytes });
    this.#bytes += bytes;
    while (
      this.size > this.limits.events ||
      (this.#bytes > this.limits.bytes && this.size > 1)
    ) {
      this.dropOldest();
    }
  }

  dropOldest(): void {
    const slot = this.#slots[this.#start];
    if (slot === undefined) {
      return;
    }
    this.#slots[this.#start] = undefined;
    this.#floor = slot.cursor;
    this.#bytes -= slot.bytes;
    this.#start++;
    if (this.#start === this.#slots.length || this.#start >= 1024) {
      this.#slots = this.#slots.slice(this.#start);
      this.#start = 0;
    }
    this.onDrop?.(slot.item);
  }

  /** Drops what lies at or below a cursor. */
  dropThrough(cursor: Cursor): void {
    while (this.size > 0 && this.#slots[this.#start]!.cursor <= cursor) {
      this.dropOldest();
    }
    if (this.size === 0 && cursor > this.#floor) {
      this.#floor = cursor;
    }
  }

  /** Whether nothing after a cursor is gone. */
  covers(cursor: Cursor): boolean {
    return cursor >= this.#floor;
  }

  /** Whether an item with this cursor is kept. */
  has(cursor: Cursor): boolean {
    const at = this.#indexAfter(cursor) - 1;
    return at >= this.#start && this.#slots[at]!.cursor === cursor;
  }

  /** Items after a cursor, oldest first; at least one if there is one. */
  after(cursor: Cursor, limit: RetentionLimits): T[] {
    const items: T[] = [];
    let bytes = 0;
    for (let i = this.#indexAfter(cursor); i < this.#slots.length; i++) {
      const slot = this.#slots[i]!;
      bytes += slot.bytes;
      if (
        items.length > 0 &&
        (items.length >= limit.events || bytes > limit.bytes)
      ) {
        break;
      }
      items.push(slot.item);
    }
    return items;
  }

  /** The newest items at or below a cursor, oldest first; at least one if there is one. */
  before(through: Cursor, limit: RetentionLimits): T[] {
    const items: T[] = [];
    let bytes = 0;
    for (let i = this.#indexAfter(through) - 1; i >= this.#start; i--) {
      const slot = this.#slots[i]!;
      bytes += slot.bytes;
      if (
        items.length > 0 &&
        (items.length >= limit.events || bytes > limit.bytes)
      ) {
        break;
      }
      items.push(slot.item);
    }
    return items.reverse();
  }

  /** Items from the newest to the oldest. */
  *newestFirst(): Generator<T> {
    for (let i = this.#slots.length - 1; i >= this.#start; i--) {
      yield this.#slots[i]!.item;
    }
  }

  #indexAfter(cursor: Cursor): number {
    let low = this.#start;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#slots[middle]!.cursor <= cursor) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
