import type { ServerFigures } from './medians.js';

/** One server's figure, compared with that of another server or with another figure of its own. */
interface Target {
  measure: string;
  server: string;
  figure: string;
  against: string;
  againstFigure: string;
  atMost: number;
}

export interface Verdict extends Target {
  ratio: number;
  met: boolean;
}

type Pair = readonly [server: string, against: string, atMost: number];

const targets: readonly Target[] = [
  ...compare('CPU per delivery, one event at a time', 'single.cpu', [
    ['hub-express', 'nest-express', 0.45],
    ['hub-fastify', 'nest-fastify', 0.5],
    ['hub-fastify', 'plain', 1.3],
  ]),
  ...compare('CPU per delivery, bursts of 16', 'burst.cpu', [
    ['hub-express', 'nest-express', 0.1],
    ['hub-fastify', 'nest-fastify', 0.1],
  ]),
  ...compare('memory per idle connection', 'rss', [
    ['hub-express', 'nest-express', 0.9],
    ['hub-fastify', 'nest-fastify', 0.7],
  ]),
  ...compare('CPU per new connection', 'connectCpu', [
    ['hub-express', 'nest-express', 0.9],
    ['hub-fastify', 'nest-fastify', 0.9],
  ]),
  manyWithFew('hub-express', 1.5),
  manyWithFew('hub-fastify', 1.5),
];

/** Compares the medians with the targets; a target whose figures were not measured is left out. */
export function judge(figures: ServerFigures): Verdict[] {
  return targets.flatMap((target) => {
    const value = figures[target.server]?.[target.figure];
    const other = figures[target.against]?.[target.againstFigure];
    if (value === undefined || other === undefined) return [];
    const ratio = value / other;
    return [{ ...target, ratio, met: ratio <= target.atMost }];
  });
}

function compare(
  measure: string,
  figure: string,
  pairs: readonly Pair[],
): Target[] {
  return pairs.map(([server, against, atMost]) => ({
    measure,
    server,
    figure,
    against,
    againstFigure: figure,
    atMost,
  }));
}

function manyWithFew(server: string, atMost: number): Target {
  return {
    measure: "CPU per publish to one user's topic",
    server,
    figure: 'userTopics.many',
    against: server,
    againstFigure: 'userTopics.few',
    atMost,
  };
}
