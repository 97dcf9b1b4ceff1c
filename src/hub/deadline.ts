/** Until when somebody waits, for one thing after the other. */
export class Deadline {
  readonly #at: number;

  /** @param within in milliseconds from now */
  constructor(within: number) {
    this.#at = performance.now() + within;
  }

  /** Milliseconds that are left. */
  get left(): number {
    return Math.max(0, this.#at - performance.now());
  }

  /** Waits for something, however it ends, but not beyond the deadline. */
  async wait(work: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.left);
    });
    await Promise.race([Promise.allSettled([work]), late]);
    clearTimeout(timer);
  }
}
