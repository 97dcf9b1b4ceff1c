import type { Options } from '../options.js';
import { figureTables } from './figures.js';
import type { Machine } from './machine.js';
import type { ServerFigures } from './medians.js';
import { saturationNote } from './saturation.js';
import type { Verdict } from './targets.js';
import { verdictsTable } from './verdicts.js';

export interface Report {
  options: Options;
  machine: Machine;
  figures: ServerFigures;
  verdicts: readonly Verdict[];
  problems: readonly string[];
  leftOut: readonly string[];
}

export function printReport(report: Report): void {
  const { options, machine, figures, verdicts, problems, leftOut } = report;
  const paragraphs = [
    `Node ${machine.node}, ${machine.system}, ${machine.cores} × ${machine.processor}, ${machine.memory} GiB`,
    `${options.rounds === 1 ? 'One round' : `Medians of ${options.rounds} rounds`}; CPU is user + system of the server process.`,
    options.quick
      ? 'Quick run: it shows that everything works; its figures mean nothing.'
      : undefined,
    ...figureTables(figures, options.scale),
    saturationNote(figures),
    verdicts.length > 0 ? verdictsTable(verdicts) : undefined,
    ...leftOut.map((server) => `Left out  ${server}`),
    ...problems.map((problem) => `PROBLEM  ${problem}`),
  ];
  for (const paragraph of paragraphs) {
    if (paragraph !== undefined) console.log(`${paragraph}\n`);
  }
}
