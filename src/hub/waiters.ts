import { setImmediate as nextTurn } from 'node:timers/promises';

/** How many go on in one turn of the event loop: each may begin a replay. */
const SLICE = 64;

interface Waiter<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Who waits for the same answer, each once. They go on a few each turn, so that thousands
 * of streams do not hold the event loop up; who has left is told nothing.
 */
export class Waiters<Answer> {
  readonly #waiting = new Map<object, Waiter<Answer>>();

  get size(): number {
    return this.#waiting.size;
  }

  /** @returns what never settles once `who` has left */
  wait(who: object): Promise<Answer> {
    return new Promise((resolve, reject) =>
      this.#waiting.set(who, { resolve, reject }),
    );
  }

  leave(who: object): void {
    this.#waiting.delete(who);
  }

  /** Gives everybody the answer. Nobody waits any more who waited before. */
  resolve(answer: Answer): void {
    void this.#settle((waiter) => waiter.resolve(answer));
  }

  reject(error: unknown): void {
    void this.#settle((waiter) => waiter.reject(error));
  }

  async #settle(settle: (waiter: Waiter<Answer>) => void): Promise<void> {
    let settled = 0;
    for (const [who, waiter] of this.#waiting) {
      this.#waiting.delete(who);
      settle(waiter);
      if (++settled % SLICE === 0) {
        await nextTurn();
      }
    }
  }
}
