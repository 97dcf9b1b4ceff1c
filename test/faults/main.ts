import { existsSync } from 'node:fs';
import { readOptions, usage } from './options.js';
import type { Options } from './options.js';
import { report } from './report.js';
import { Trial } from './trial.js';
import { playByChance } from './schedule/play.js';
import { LONG } from './scales.js';

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') console.log(usage);
  else process.exitCode = await main(options);
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}

/** @returns the exit code */
async function main({ log, seed, minutes, faults }: Options): Promise<number> {
  if (!existsSync('dist/index.js')) {
    throw new Error('The nodes run the built package: npm run build');
  }
  console.log(
    `Faults for ${minutes} minutes, log ${log}; repeat them with --seed ${seed}\n`,
  );
  const trial = await Trial.start({
    ...LONG,
    log,
    seed,
    program: new URL('./app/main.js', import.meta.url),
    tell: console.log,
  });
  try {
    await playByChance(trial, faults, minutes * 60_000);
    const complaints = await trial.finish();
    console.log(`\n${report(trial, complaints)}`);
    return complaints.length > 0 ? 1 : 0;
  } finally {
    await trial.dispose();
  }
}
