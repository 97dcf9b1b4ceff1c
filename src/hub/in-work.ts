/** Keeps what is in work, for one who waits until it is done. */
export class InWork {
  readonly #works = new Set<Promise<unknown>>();

  /** How much is in work now. */
  get size(): number {
    return this.#works.size;
  }

  /** Does it, and keeps it until it has ended, however it ends. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const promise = work();
    const forget = () => this.#works.delete(promise);
    this.#works.add(promise);
    promise.then(forget, forget);
    return promise;
  }

  /** Resolves when what is in work now has ended; what comes meanwhile is not waited for. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#works);
  }
}
