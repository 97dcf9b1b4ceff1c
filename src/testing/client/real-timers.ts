import timers from 'node:timers';

/** Longer timeouts fire at once (Node's documentation of `setTimeout`). */
const LONGEST = 2 ** 31 - 1;

// As they are when this is loaded: a test that fakes timers would otherwise fake how long it
// is waited for.
const { setTimeout: startTimer, clearTimeout: stopTimer } = timers;

/**
 * Gives up after a while, in real time whatever a test fakes.
 *
 * @param timeout in milliseconds; `Infinity`: never
 * @param error made when it has passed
 */
export async function within<Result>(
  timeout: number,
  promise: Promise<Result>,
  error: () => Error,
): Promise<Result> {
  if (timeout > LONGEST) {
    return promise;
  }
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = startTimer(() => reject(error()), timeout);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    stopTimer(timer);
  }
}
