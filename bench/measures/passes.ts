import type { Figures } from './measure.js';

/** Does the same several times; each figure is the mean of all passes. */
export async function meanOfPasses<Pass extends Figures>(
  count: number,
  pass: () => Promise<Pass>,
): Promise<Pass> {
  const sums: Figures = {};
  for (let n = 0; n < count; n++) {
    for (const [name, value] of Object.entries(await pass())) {
      sums[name] = (sums[name] ?? 0) + value;
    }
  }
  return Object.fromEntries(
    Object.entries(sums).map(([name, sum]) => [name, sum / count]),
  ) as Pass;
}
