import { buildPackage } from './build-package.js';
import { checkOpenFiles } from './open-files.js';
import { readOptions, usage, type Options } from './options.js';
import { machine } from './report/machine.js';
import { medians } from './report/medians.js';
import { printReport } from './report/print.js';
import { writeResults } from './report/results-file.js';
import { judge } from './report/targets.js';
import { runRounds } from './rounds.js';

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') console.log(usage);
  else process.exitCode = await bench(options);
} catch (error) {
  console.error(String(error));
  process.exitCode = 2;
}

/** @returns the exit code */
async function bench(options: Options): Promise<number> {
  checkOpenFiles(options.scale);
  if (options.build) buildPackage();
  const { rounds, problems, leftOut } = await runRounds(options);
  const figures = medians(rounds);
  const report = {
    options,
    machine: machine(),
    figures,
    verdicts: judge(figures),
    problems,
    leftOut,
  };
  printReport(report);
  console.log(`All figures: ${writeResults({ ...report, rounds })}`);
  const missed = report.verdicts.some(({ met }) => !met);
  return problems.length > 0 || (options.strict && missed) ? 1 : 0;
}
