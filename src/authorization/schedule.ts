import { AsyncResource } from 'node:async_hooks';
import { Logger } from '@nestjs/common';

/**
 * The longest sleep. A timer of hours would fire late when the clock is set forward or the
 * machine was suspended, and one beyond 24.8 days at once.
 */
const LONGEST_SLEEP = 60_000;

/**
 * Calls back for many items, each at its time, with one timer for all: items that are due
 * within the same span come together, at its beginning, so never late. It runs in the async
 * context in which it was made, not in that of the request that armed the timer.
 */
export class Schedule<Item> {
  readonly #logger = new Logger('SseModule');
  readonly #scope = new AsyncResource('SseSchedule');
  readonly #items = new Map<Item, number>();
  readonly #buckets = new Map<number, Set<Item>>();
  #timer: NodeJS.Timeout | undefined;
  /** The bucket that the timer is for. */
  #next = Infinity;

  /**
   * @param span what is due within so many milliseconds comes together
   * @param now the clock by which items are due, in milliseconds
   * @param onDue called once for an item, which is not scheduled any more then
   */
  constructor(
    private readonly span: number,
    private readonly now: () => number,
    private readonly onDue: (item: Item) => void,
  ) {}

  /** Items that are scheduled. */
  get size(): number {
    return this.#items.size;
  }

  /**
   * Schedules an item, or moves it.
   * @param at in milliseconds, by the schedule's clock; in the past: as soon as possible
   */
  set(item: Item, at: number): void {
    this.#remove(item);
    const bucket = Math.floor(at / this.span);
    this.#items.set(item, bucket);
    const items = this.#buckets.get(bucket);
    if (items === undefined) {
      this.#buckets.set(bucket, new Set([item]));
    } else {
      items.add(item);
    }
    if (bucket < this.#next) {
      this.#arm(bucket);
    }
  }

  delete(item: Item): void {
    this.#remove(item);
    if (this.#items.size === 0) {
      this.#arm(Infinity);
    }
  }

  #remove(item: Item): void {
    const bucket = this.#items.get(item);
    if (bucket === undefined) {
      return;
    }
    this.#items.delete(item);
    const items = this.#buckets.get(bucket)!;
    items.delete(item);
    if (items.size === 0) {
      this.#buckets.delete(bucket);
    }
  }

  #arm(bucket: number): void {
    clearTimeout(this.#timer);
    this.#next = bucket;
    this.#timer =
      bucket === Infinity
        ? undefined
        : this.#scope.runInAsyncScope(() =>
            setTimeout(() => this.#wake(), this.#sleep(bucket)).unref(),
          );
  }

  #sleep(bucket: number): number {
    const sleep = bucket * this.span - this.now();
    return Math.min(Math.max(sleep, 0), LONGEST_SLEEP);
  }

  #wake(): void {
    const current = Math.floor(this.now() / this.span);
    const due: Item[] = [];
    let next = Infinity;
    // A pass over all buckets, at most once a span, costs less than keeping them sorted.
    for (const [bucket, items] of this.#buckets) {
      if (bucket <= current) {
        due.push(...items);
      } else if (bucket < next) {
        next = bucket;
      }
    }
    this.#next = Infinity;
    for (const item of due) {
      this.#call(item, current);
    }
    // What was called may have scheduled something for earlier, or removed the rest.
    this.#arm(this.#items.size === 0 ? Infinity : Math.min(next, this.#next));
  }

  #call(item: Item, current: number): void {
    const bucket = this.#items.get(item);
    if (bucket === undefined || bucket > current) {
      // Another one that was due has removed or moved it.
      return;
    }
    this.#remove(item);
    try {
      this.onDue(item);
    } catch (error) {
      // One that fails must not keep the others waiting.
      this.#logger.error('What was due has failed', error);
    }
  }
}
