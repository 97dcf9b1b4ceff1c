import { engines } from './engines/engine.js';
import { measures } from './measures/catalogue.js';
import { Baton } from './measures/baton.js';
import { runMeasure, type Figures } from './measures/measure.js';
import type { MeasureName, Options } from './options.js';
import type { ServerEntry } from './servers/catalogue.js';

/** One measure of one round. */
interface Comparison {
  round: number;
  measure: MeasureName;
  servers: readonly ServerEntry[];
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
  for (const comparison of comparisons({ ...options, servers })) {
    const { round, measure } = comparison;
    const found = await compare(comparison, options);
    for (const { server, figures, problems: ofServer } of found) {
      rounds.push({ round, measure, server: server.name, figures });
      problems.push(
        ...ofServer.map((problem) => `${server.title}: ${problem}`),
      );
    }
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

function* comparisons({
  rounds,
  only,
  servers,
}: Options): Generator<Comparison> {
  for (let round = 1; round <= rounds; round++) {
    for (const measure of only) {
      const { appliesTo, group: keyOf = ({ name }) => name } =
        measures[measure];
      const groups = grouped(servers.filter(appliesTo), keyOf);
      for (const group of startingWith(round - 1, groups)) {
        yield { round, measure, servers: startingWith(round - 1, group) };
      }
    }
  }
}

function grouped(
  servers: readonly ServerEntry[],
  keyOf: (server: ServerEntry) => string,
): ServerEntry[][] {
  const groups: Record<string, ServerEntry[]> = {};
  for (const server of servers) {
    (groups[keyOf(server)] ??= []).push(server);
  }
  return Object.values(groups);
}

/** Every round begins with another server: none is always the first. */
function startingWith<Item>(first: number, items: readonly Item[]): Item[] {
  const start = first % items.length || 0;
  return [...items.slice(start), ...items.slice(0, start)];
}

/**
 * The servers are open together, and one works at a time. A measure that lets the others have their turn between
 * its passes meets the same minutes with all of them, so that what else the machine does hits all alike.
 */
function compare({ round, measure, servers }: Comparison, options: Options) {
  const baton = new Baton();
  const othersTurn = () => {
    baton.pass();
    return baton.take();
  };
  return Promise.all(
    servers.map(async (server) => {
      await baton.take();
      console.error(
        `round ${round} of ${options.rounds}: ${measure}, ${server.title}`,
      );
      try {
        const { run } = measures[measure];
        return {
          server,
          ...(await runMeasure(server, options, othersTurn, run)),
        };
      } catch (error) {
        // One server that fails does not end the run of the others.
        const problems = [`${measure}: ${String(error)}`];
        return { server, figures: {}, problems };
      } finally {
        baton.pass();
      }
    }),
  );
}
