import { setTimeout as delay } from 'node:timers/promises';

/** Resolves when a promise has settled, or after some milliseconds. */
export async function within(
  milliseconds: number,
  promise: Promise<unknown> | undefined,
): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race([
    Promise.resolve(promise).catch(() => undefined),
    delay(milliseconds, undefined, { signal }).catch(() => undefined),
  ]);
  settled.abort();
}
