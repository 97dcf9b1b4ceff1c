/** Counts what is in work, for one who waits until it is done. */
export class InWork {
  #count = 0;
  #onDone: (() => void) | undefined;

  /** How much is in work now. */
  get size(): number {
    return this.#count;
  }

  /** Does it, and counts it until it has ended, however it ends. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#count++;
    try {
      return await work();
    } finally {
      if (--this.#count === 0) {
        this.#onDone?.();
      }
    }
  }

  /**
   * Resolves when nothing is in work any more.
   * @param limit for how long to wait at most, in milliseconds
   */
  async done(limit: number): Promise<void> {
    if (this.#count > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onDone = resolve;
        timer = setTimeout(resolve, limit);
      });
      clearTimeout(timer);
    }
  }
}
