const FIRST = 50;
const MOST = 2_000;

/**
 * How long to wait before the next try to connect, in milliseconds: any time up to a bound that doubles
 * (full jitter), so that the nodes of a fleet do not come back in step.
 *
 * @param attempt how many tries have failed, from 0
 */
export function backOff(attempt: number, random: () => number): number {
  return random() * Math.min(MOST, FIRST * 2 ** Math.min(attempt, 16));
}
