import { jest } from '@jest/globals';
import fc from 'fast-check';
import {
  Bus,
  GRACE,
  LONG,
  Node,
  SOON,
  pass,
} from '../support/presence-nodes.js';

describe('Presence on nodes that come and go, over a bus that loses signals', () => {
  const USERS = ['ann', 'bob', 'cem', 'dee'];

  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        is: fc.constant('user' as const),
        node: fc.nat(3),
        user: fc.constantFrom(...USERS),
        comes: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        is: fc.constant('time' as const),
        passes: fc.constantFrom(1, 50, 1_000, GRACE, LONG),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        is: fc.constantFrom(
          'start' as const,
          'close' as const,
          'crash' as const,
        ),
        node: fc.nat(3),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        is: fc.constant('engine' as const),
        isUp: fc.boolean(),
      }),
    },
  );

  const sum = (streams: Map<string, number>): string[] =>
    [...streams].filter(([, count]) => count > 0).map(([user]) => user);

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('is in the end the same everywhere, and what joined and left add up to', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.double({ min: 0, max: 0.6, noNaN: true }),
        fc.boolean(),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        async (steps, loss, reorders, numbers) => {
          const random = () => numbers.next().value!;
          const bus = new Bus();
          bus.drops = () => random() < loss;
          bus.delay = () => (reorders ? random() * 300 : 3);
          const nodes: Node[] = [];
          const streams = new Map<Node, Map<string, number>>();
          const start = () => {
            const node = new Node(bus, random);
            nodes.push(node);
            streams.set(node, new Map());
          };
          start();
          start();
          for (const each of steps) {
            const node = 'node' in each && nodes[each.node % nodes.length];
            if (each.is === 'time') {
              await pass(each.passes);
            } else if (each.is === 'engine') {
              bus.isUp = each.isUp;
            } else if (each.is === 'start') {
              start();
            } else if (!node) {
              continue;
            } else if (each.is === 'user') {
              const own = streams.get(node)!;
              const open = own.get(each.user) ?? 0;
              if (each.comes) {
                node.join(each.user);
                own.set(each.user, open + 1);
              } else if (open > 0) {
                node.leave(each.user);
                own.set(each.user, open - 1);
              }
            } else if (nodes.length > 1) {
              nodes.splice(nodes.indexOf(node), 1);
              streams.delete(node);
              if (each.is === 'crash') {
                node.crash();
              } else {
                await node.close();
              }
            }
          }
          bus.isUp = true;
          bus.drops = () => false;
          await pass(2 * LONG);

          const truth = [...new Set([...streams.values()].flatMap(sum))].sort();
          for (const node of nodes) {
            expect(node.room).toEqual(truth);
            expect([...node.told].sort()).toEqual(truth);
            expect(node.doubled).toBe(false);
          }
          await Promise.all(nodes.map((node) => node.close()));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('tells nobody to have left who is away for less than the grace, wherever', async () => {
    const visit = fc.record({
      node: fc.nat(2),
      stays: fc.integer({ min: 0, max: 3 * GRACE }),
      away: fc.integer({ min: 0, max: GRACE - SOON }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(visit, { minLength: 1, maxLength: 8 }), {
          minLength: 1,
          maxLength: 3,
        }),
        async (visitors) => {
          const bus = new Bus();
          const nodes = [new Node(bus), new Node(bus), new Node(bus)];
          await pass(SOON);
          let over = 0;
          const end = Math.max(
            ...visitors.map((visits) =>
              visits.reduce((at, { stays, away }) => at + stays + away, 0),
            ),
          );
          visitors.forEach((visits, n) => {
            let at = 0;
            visits.forEach(({ node, stays, away }, index) => {
              setTimeout(() => nodes[node]!.join(`user ${n}`), at);
              at += stays;
              const isLast = index === visits.length - 1;
              if (!isLast) {
                setTimeout(() => nodes[node]!.leave(`user ${n}`), at);
              }
              at += away;
            });
            over++;
          });
          await pass(end + LONG);
          for (const { changes } of nodes) {
            expect([...changes].sort()).toEqual(
              visitors.map((_, n) => `user ${n} joined`),
            );
          }
          expect(over).toBe(visitors.length);
          await Promise.all(nodes.map((node) => node.close()));
        },
      ),
      { numRuns: 60 },
    );
  });
});
