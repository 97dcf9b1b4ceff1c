import { parseArgs } from 'node:util';
import type { LogKind } from './cluster/cluster.js';
import { faultsOf } from './schedule/catalogue.js';
import type { Fault } from './schedule/fault.js';

export interface Options {
  /** How long faults are made. */
  readonly minutes: number;
  readonly seed: number;
  readonly log: LogKind;
  readonly faults: readonly Fault[];
}

const LOGS: readonly LogKind[] = ['redis', 'sqlite', 'memory'];

export const usage = `Usage: npm run test:faults -- [options]

Three application processes, the real engine, twenty clients that resume as browsers do, publishers at
full speed, and faults by chance. Exits with 1 when a promise was broken.

  --minutes <n>  how long faults are made (10)
  --seed <n>     repeats the faults of another run, also as FAULTS_SEED (by chance)
  --log <log>    ${LOGS.join(', ')} (redis)
  --only <list>  faults: ${faultsOf('redis')
    .map(({ name }) => name)
    .join(', ')} (all)`;

/** @throws TypeError when an option is unknown or its value makes no sense */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: process.env.FAULTS_SEED },
      log: { type: 'string', default: 'redis' },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  const log = LOGS.find((name) => name === values.log);
  if (log === undefined) {
    throw new TypeError(
      `--log: ${values.log} is no log; there are ${LOGS.join(', ')}`,
    );
  }
  return {
    log,
    minutes: positive('--minutes', values.minutes),
    seed:
      values.seed === undefined
        ? Math.floor(Math.random() * 1e6)
        : positive('--seed', values.seed),
    faults: readFaults(log, values.only),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value >= 0)) {
    throw new TypeError(`${name}: ${text} is not a number from 0`);
  }
  return value;
}

function readFaults(log: LogKind, text: string | undefined): readonly Fault[] {
  const all = faultsOf(log);
  if (text === undefined) return all;
  const wanted = text.split(',');
  const unknown = wanted.filter(
    (name) => !all.some((fault) => fault.name === name),
  );
  if (unknown.length > 0) {
    throw new TypeError(
      `--only: ${log} has no fault ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`,
    );
  }
  return all.filter(({ name }) => wanted.includes(name));
}
