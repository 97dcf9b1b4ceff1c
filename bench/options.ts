import { parseArgs } from 'node:util';
import { servers, type ServerEntry } from './servers/catalogue.js';

export const measureNames = [
  'delivery',
  'connections',
  'user-topics',
  'audience',
  'logs',
  'reconnects',
] as const;
export type MeasureName = (typeof measureNames)[number];

/** How much each measure does. */
export interface Scale {
  /** Connections that get every event in the delivery measure. */
  subscribers: number;
  /** Events published one at a time. */
  singles: number;
  /** Bursts of {@link BURST} events. */
  bursts: number;
  /** Connections held open in the connections measure. */
  idle: number;
  /** Connections of a user each: few, then many. */
  fewUsers: number;
  manyUsers: number;
  /** Events, each published to one user. */
  userEvents: number;
  /** Events published to each log one at a time, and as fast as it goes. */
  logSingles: number;
  logEvents: number;
  /** Clients that come back, and what each has missed. */
  returning: number;
  missed: number;
}

export interface Options {
  rounds: number;
  only: readonly MeasureName[];
  servers: readonly ServerEntry[];
  build: boolean;
  quick: boolean;
  strict: boolean;
  /** Folder for CPU profiles of the servers, if wanted. */
  profiles: string | undefined;
  scale: Scale;
}

export const BURST = 16;

const fullScale: Scale = {
  subscribers: 1_000,
  singles: 400,
  bursts: 32,
  idle: 5_000,
  fewUsers: 50,
  manyUsers: 5_000,
  userEvents: 5_000,
  logSingles: 1_000,
  logEvents: 50_000,
  returning: 5_000,
  missed: 100,
};

/** Large enough to show that every part works, too small for its figures to mean anything. */
const quickScale: Scale = {
  subscribers: 100,
  singles: 20,
  bursts: 3,
  idle: 200,
  fewUsers: 10,
  manyUsers: 100,
  userEvents: 100,
  logSingles: 40,
  logEvents: 2_000,
  returning: 200,
  missed: 100,
};

export const usage = `Usage: npm run bench -- [options]

Measures this package beside Nest's @Sse(), better-sse and plain node:http, and its
logs beside each other; about ten minutes a round.

  --rounds <n>      rounds; the figures are medians over them (3, with --quick 1)
  --only <list>     measures: ${measureNames.join(', ')} (all)
  --servers <list>  servers, by name or beginning of the name (all)
  --quick           a small run of about a minute that shows that everything works
  --strict          exit with 1 also when a target is missed
  --no-build        measure dist as it is
  --cpu-prof <dir>  write CPU profiles of the servers there`;

/** @throws TypeError when an option is unknown or its value makes no sense */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      only: { type: 'string' },
      servers: { type: 'string' },
      quick: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  return {
    rounds: readRounds(values.rounds ?? (values.quick ? '1' : '3')),
    only: readMeasures(values.only),
    servers: readServers(values.servers),
    build: !values['no-build'],
    quick: values.quick,
    strict: values.strict,
    profiles: values['cpu-prof'],
    scale: values.quick ? quickScale : fullScale,
  };
}

function readRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new TypeError(`--rounds: ${text} is not a whole number from 1`);
  }
  return rounds;
}

function readMeasures(text: string | undefined): readonly MeasureName[] {
  if (text === undefined) return measureNames;
  const wanted = text.split(',');
  const unknown = wanted.filter(
    (name) => !measureNames.includes(name as MeasureName),
  );
  if (unknown.length > 0) {
    throw new TypeError(
      `--only: no measure is called ${unknown.join(', ')}; there are ${measureNames.join(', ')}`,
    );
  }
  return measureNames.filter((name) => wanted.includes(name));
}

function readServers(text: string | undefined): readonly ServerEntry[] {
  if (text === undefined) return servers;
  const wanted = text.split(',');
  const isMeant = (beginning: string) => (server: ServerEntry) =>
    server.name.startsWith(beginning);
  const unknown = wanted.filter((name) => !servers.some(isMeant(name)));
  if (unknown.length > 0) {
    throw new TypeError(
      `--servers: no server is called ${unknown.join(', ')}; there are ${servers.map(({ name }) => name).join(', ')}`,
    );
  }
  return servers.filter((server) =>
    wanted.some((name) => isMeant(name)(server)),
  );
}
