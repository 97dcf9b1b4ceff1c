/** Wakes up later; that of a test runs on virtual time. */
export interface Timers {
  /**
   * Does something once, after a while.
   *
   * @param wait in milliseconds
   * @returns what calls it off
   */
  later(action: () => void, wait: number): () => void;
  /** Does something in a turn of its own, as soon as possible. */
  soon(action: () => void): void;
}

/** Node's own, which keep no process alive. */
export const REAL_TIMERS: Timers = {
  later: (action, wait) => {
    const timer = setTimeout(action, wait).unref();
    return () => clearTimeout(timer);
  },
  soon: (action) => queueMicrotask(action),
};
