/** How something ends, for one who waits for it: no promise is made if it has ended by then. */
export class Outcome {
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #resolve: (() => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  /** Whether somebody waits, or has waited. */
  get isAwaited(): boolean {
    return this.#resolve !== undefined;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  done(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#resolve?.();
    }
  }

  fail(error: unknown): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#failure = { error };
      this.#reject?.(error);
    }
  }

  /**
   * @returns a promise if it has not ended
   * @throws what it failed with
   */
  get(): Promise<void> | undefined {
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
    return this.#ended
      ? undefined
      : new Promise<void>((resolve, reject) => {
          this.#resolve = resolve;
          this.#reject = reject;
        });
  }
}
