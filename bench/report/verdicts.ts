import { serverTitle } from '../servers/catalogue.js';
import { table } from './table.js';
import type { Verdict } from './targets.js';

export function verdictsTable(verdicts: readonly Verdict[]): string {
  return table(
    ['Ratio', 'of', 'to', 'is', 'at most', ''],
    verdicts.map((verdict) => [
      verdict.measure,
      serverTitle(verdict.server),
      comparedWith(verdict),
      verdict.ratio.toFixed(2),
      verdict.atMost.toFixed(2),
      verdict.met ? 'PASS' : 'miss',
    ]),
  );
}

function comparedWith({ against, itself }: Verdict): string {
  return itself ? `itself ${itself}` : serverTitle(against);
}
