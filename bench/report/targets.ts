import { rivalOf, servers } from '../servers/catalogue.js';
import type { ServerFigures } from './medians.js';

/** One server's figure, compared with that of another server or with another figure of its own. */
interface Target {
  measure: string;
  server: string;
  figure: string;
  against: string;
  againstFigure: string;
  /** What is compared with, where that is another figure of the same server. */
  itself?: string;
  atMost: number;
}

export interface Verdict extends Target {
  ratio: number;
  met: boolean;
}

type Pair = readonly [server: string, against: string, atMost: number];

const targets: readonly Target[] = [
  ...against('hub'),
  ...manyWithFew("CPU per publish to one user's topic", 'userTopics'),
  ...manyWithFew('CPU per publish to one user of a topic', 'audience'),
  // Policies, audience and leases may not cost more than that.
  ...against('authorized'),
  ...returningWithNew('CPU per client 100 events behind', 'cpu', 'plain'),
  ...returningWithNew(
    'the same, the node just started',
    'coldCpu',
    'coldPlain',
  ),
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

/** What this package is held to, with authorization and without. */
function against(hub: 'hub' | 'authorized'): Target[] {
  const express = `${hub}-express`;
  const fastify = `${hub}-fastify`;
  return [
    ...compare('CPU per delivery, one event at a time', 'single.cpu', [
      [express, 'nest-express', 0.45],
      [fastify, 'nest-fastify', 0.5],
      [fastify, 'plain', 1.3],
    ]),
    ...compare('CPU per delivery, bursts of 16', 'burst.cpu', [
      [express, 'nest-express', 0.1],
      [fastify, 'nest-fastify', 0.1],
    ]),
    ...compare('memory per idle connection', 'rss', [
      [express, 'nest-express', 0.9],
      [fastify, 'nest-fastify', 0.7],
    ]),
    ...compare('CPU per new connection', 'connectCpu', [
      [express, rivalOf(express), 0.9],
      [fastify, rivalOf(fastify), 0.9],
    ]),
  ];
}

function manyWithFew(
  measure: string,
  kind: 'userTopics' | 'audience',
): Target[] {
  return ['hub-express', 'hub-fastify'].map((server) => ({
    measure,
    server,
    figure: `${kind}.many`,
    against: server,
    againstFigure: `${kind}.few`,
    itself: 'with few users',
    atMost: 1.5,
  }));
}

function returningWithNew(
  measure: string,
  figure: string,
  againstFigure: string,
): Target[] {
  return servers
    .filter(({ engine }) => engine !== undefined)
    .map(({ name }) => ({
      measure,
      server: name,
      figure: `reconnects.${figure}`,
      against: name,
      againstFigure: `reconnects.${againstFigure}`,
      itself: 'with a new connection',
      atMost: 2.5,
    }));
}
