import { within } from './real-timers.js';
import {
  SseTestException,
  SseTestTimeoutException,
} from './sse-test.exceptions.js';

interface Waiter {
  check(): void;
}

/** How one wait differs from the others of its client. */
export interface WaitOptions {
  /**
   * How long at most, in milliseconds; `Infinity`: as long as the test may take.
   * @default the `timeout` of the client
   */
  readonly timeout?: number;
}

/** How a wait is done. */
interface Wait extends WaitOptions {
  /** Whether nothing more is to be hoped for. */
  readonly isOver?: () => boolean;
}

/** What the messages of failures say besides. */
export interface Described {
  /** On which stream one waits, and how it is. */
  describe(): string;
  /** What has arrived. */
  describeArrivals(): string;
}

/** Who waits for something, asked again whenever something has happened. */
export class Waiting {
  readonly #waiters = new Set<Waiter>();

  /** @param timeout in milliseconds */
  constructor(
    private readonly timeout: number,
    private readonly described: Described,
  ) {}

  /** Something has happened. */
  check(): void {
    for (const waiter of Array.from(this.#waiters)) {
      waiter.check();
    }
  }

  /**
   * Waits until something is found.
   *
   * @param find gives it, `false` or `undefined` until then
   * @param what it is, for the message
   * @throws SseTestTimeoutException, SseTestException when it is over; what `find` throws
   */
  async for<Found>(
    find: () => Found | false | undefined,
    what: string,
    { isOver, timeout }: Wait = {},
  ): Promise<Found> {
    let waiter: Waiter | undefined;
    const found = new Promise<Found>((resolve, reject) => {
      const check = () => {
        try {
          const value = find();
          if (value !== undefined && value !== false) {
            this.#waiters.delete(waiter!);
            resolve(value);
          } else if (isOver?.()) {
            throw new SseTestException(
              this.#message(what, 'and the stream is over'),
            );
          }
        } catch (error) {
          this.#waiters.delete(waiter!);
          reject(error);
        }
      };
      waiter = { check };
      this.#waiters.add(waiter);
      check();
    });
    try {
      return await this.within(found, what, timeout);
    } finally {
      this.#waiters.delete(waiter!);
    }
  }

  /** @throws SseTestTimeoutException */
  within<Result>(
    promise: Promise<Result>,
    what: string,
    timeout = this.timeout,
  ): Promise<Result> {
    return within(
      timeout,
      promise,
      () =>
        new SseTestTimeoutException(
          this.#message(what, `within ${timeout} ms`),
        ),
    );
  }

  #message(what: string, why: string): string {
    return `Waited for ${what} on ${this.described.describe()}: it did not come, ${why}.\n${this.described.describeArrivals()}`;
  }
}
