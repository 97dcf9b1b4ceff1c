import { setImmediate as nextTurn } from 'node:timers/promises';

/** Long enough for a busy machine, shorter than a test may take. */
const PATIENCE = 30_000;

/** As it is when this is loaded: time passes here whatever a test fakes. */
const now = performance.now.bind(performance);

/**
 * Waits for a condition on the server that nothing announces; asks again every turn of
 * the event loop.
 *
 * @throws when it does not come to hold
 */
export async function eventually(condition: () => boolean): Promise<void> {
  const start = now();
  while (!condition()) {
    if (now() - start > PATIENCE) {
      throw new Error(`It never came to hold: ${condition.toString()}`);
    }
    await nextTurn();
  }
}

/** Waits until a number stays the same for many turns of the event loop. */
export async function settled(
  read: () => number,
  turns = 500,
): Promise<number> {
  let value = read();
  let since = 0;
  await eventually(() => {
    since = read() === value ? since + 1 : 0;
    value = read();
    return since >= turns;
  });
  return value;
}
