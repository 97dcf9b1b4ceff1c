const FIRST = 1_000;
const LONGEST = 15_000;

/**
 * How long to wait before an attempt, in milliseconds: longer each time, and
 * never the same for two pages, so that they do not all come back at once.
 */
export function backOff(attempt: number): number {
  const longest = Math.min(LONGEST, FIRST * 2 ** (attempt - 1));
  return longest * (0.5 + Math.random() / 2);
}
