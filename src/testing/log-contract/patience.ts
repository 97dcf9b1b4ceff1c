import { AssertionError } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** How often a condition that nothing announces is asked for again, in milliseconds. */
const ASK_AGAIN = 5;

/**
 * What a promise gives.
 *
 * @param patience in milliseconds
 * @throws AssertionError when it has not settled by then
 */
export async function within<T>(
  patience: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow(what, patience)), patience);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for what nothing announces.
 *
 * @param patience in milliseconds
 * @throws AssertionError when it has not come to hold by then
 */
export async function eventually(
  patience: number,
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > patience) {
      throw tooSlow(what, patience);
    }
    await delay(ASK_AGAIN);
  }
}

function tooSlow(what: string, patience: number): AssertionError {
  return new AssertionError({
    message: `It has not come in ${patience} ms: ${what}`,
  });
}
