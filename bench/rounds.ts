import { engines } from './engines/engine.js';
import { measures } from './measures/catalogue.js';
import { runMeasure, type Figures } from './measures/measure.js';
import type { MeasureName, Options } from './options.js';
import type { ServerEntry } from './servers/catalogue.js';

/** One server's turn in one measure of one round. */
interface Turn {
  round: number;
  measure: MeasureName;
  server: ServerEntry;
}

export interface RoundFigures {
  round: number;
  measure: MeasureName;
  server: string;
  figures: Figures;
}

export interface Rounds {
  rounds: RoundFigures[];
  problems: string[];
  /** What was not measured, and why. */
  leftOut: string[];
}

export async function runRounds(options: Options): Promise<Rounds> {
  const rounds: RoundFigures[] = [];
  const problems: string[] = [];
  const leftOut = options.servers.filter(isMissing);
  const servers = options.servers.filter((server) => !isMissing(server));
  for (const turn of turns({ ...options, servers })) {
    const { round, measure, server } = turn;
    console.error(
      `round ${round} of ${options.rounds}: ${measure}, ${server.title}`,
    );
    const { figures, problems: found } = await run(turn, options);
    rounds.push({ round, measure, server: server.name, figures });
    problems.push(...found.map((problem) => `${server.title}: ${problem}`));
  }
  return {
    rounds,
    problems,
    leftOut: leftOut.map((server) => `${server.title}: ${isMissing(server)}`),
  };
}

function isMissing({ engine }: ServerEntry): string | undefined {
  return engine && engines[engine].missing();
}

/** All servers take turns within a round, so that what else the machine does meanwhile hits all alike. */
function* turns({ rounds, only, servers }: Options): Generator<Turn> {
  for (let round = 1; round <= rounds; round++) {
    for (const measure of only) {
      const measured = servers.filter(measures[measure].appliesTo);
      for (const server of startingWith(round - 1, measured)) {
        yield { round, measure, server };
      }
    }
  }
}

/** Every round begins with another server: none is always the first. */
function startingWith<Item>(first: number, items: readonly Item[]): Item[] {
  const start = first % items.length || 0;
  return [...items.slice(start), ...items.slice(0, start)];
}

/** One server that fails does not end the run of the others. */
async function run({ measure, server }: Turn, options: Options) {
  const { scale, profiles } = options;
  try {
    return await runMeasure(server, scale, profiles, measures[measure].run);
  } catch (error) {
    return { figures: {}, problems: [`${measure}: ${String(error)}`] };
  }
}
