import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { seededRandom } from '../support/random.js';
import {
  idsOf,
  numbersOf,
  publishNumbers,
  range,
  resetsOf,
  startNode,
  untilNumber,
} from '../support/nodes.js';
import type { Node } from '../support/nodes.js';
import { eventually } from '../support/eventually.js';
import { closeApps, platforms } from '../support/running-app.js';
import { SharedHistory } from '../support/shared-log.js';

/** `NODES_SEED=… npm run jest -- test/nodes/node-behind` repeats a run. */
const SEED = Number(process.env.NODES_SEED ?? Date.now() % 2 ** 31);

const options = { window: { events: 16 }, heartbeat: 100 };

/** Where a client of a stream is, when a checkpoint has taken it there. */
const untilCursor = (client: SseTestClient, cursor: string): Promise<void> =>
  client.until(() => client.lastEventId === cursor);

describe.each(platforms)('On a node that is behind (%s)', (_, adapter) => {
  let history: SharedHistory;
  let ahead: Node;
  let behind: Node;

  beforeEach(async () => {
    history = new SharedHistory();
    ahead = await startNode(adapter, history, { options });
    behind = await startNode(adapter, history, { options });
  });

  afterEach(async () => {
    await closeSseTestClients();
    await closeApps();
  });

  /** Numbers of which the one node has met the first few and the other all. */
  async function publishBehind(met: number, all: number): Promise<string[]> {
    const ids = await publishNumbers(ahead, 1, met);
    await eventually(() => behind.hub.health().position === ids.at(-1));
    behind.log.hold();
    return [...ids, ...(await publishNumbers(ahead, met + 1, all))];
  }

  /** It is told nothing, and its cursor stays, while its node is kept behind. */
  async function expectQuiet(
    client: SseTestClient,
    cursor: string,
  ): Promise<void> {
    const beats = client.comments.length + 3;
    await client.until(() => client.comments.length >= beats);
    expect(client.lastEventId).toBe(cursor);
  }

  describe('Invariant 2, no loss, no double:', () => {
    it.each(['plain', 'rewind?count=all'])(
      'a client that was further gets exactly what follows (%s)',
      async (path) => {
        const ids = await publishBehind(2, 5);
        const client = await SseTestClient.connect(behind.app, `/${path}`, {
          lastEventId: ids[4],
        });
        await expectQuiet(client, ids[4]!);
        behind.log.release(2);
        await eventually(() => behind.hub.health().position === ids[3]);
        await expectQuiet(client, ids[4]!);
        behind.log.release();
        await publishNumbers(ahead, 6, 7);
        await untilNumber(client, 7);
        expect(numbersOf(client)).toEqual([6, 7]);
        expect(idsOf(client.received)).toEqual(
          idsOf(client.received).toSorted(),
        );
        expect(resetsOf(client)).toEqual([]);
      },
    );

    it('also one whose stream has a predicate, and whose cursor is that of a checkpoint', async () => {
      const ids = await publishBehind(2, 5);
      const client = await SseTestClient.connect(ahead.app, '/even', {
        lastEventId: ids[0],
      });
      await untilCursor(client, ids[4]!);
      expect(numbersOf(client)).toEqual([2, 4]);
      await client.dropConnection();
      const moved = await SseTestClient.connect(behind.app, '/even', {
        lastEventId: client.lastEventId,
      });
      await expectQuiet(moved, ids[4]!);
      behind.log.release();
      const more = await publishNumbers(ahead, 6, 9);
      await untilCursor(moved, more.at(-1)!);
      expect(numbersOf(moved)).toEqual([6, 8]);
    });

    it('one that was not as far gets the rest, first what this node has, then what comes', async () => {
      const ids = await publishBehind(40, 60);
      const client = await SseTestClient.connect(behind.app, '/plain', {
        lastEventId: ids[4],
      });
      await untilNumber(client, 40);
      await expectQuiet(client, ids[39]!);
      behind.log.release();
      await untilNumber(client, 60);
      expect(numbersOf(client)).toEqual(range(6, 60));
    });

    it('a rewound one gets the last that this node has, then what comes', async () => {
      const ids = await publishBehind(40, 60);
      const client = await SseTestClient.connect(
        behind.app,
        '/rewind?count=30',
      );
      await untilNumber(client, 40);
      await expectQuiet(client, ids[39]!);
      behind.log.release();
      await untilNumber(client, 60);
      expect(numbersOf(client)).toEqual(range(11, 60));
    });

    it('a snapshot has a cursor that another node continues from', async () => {
      const ids = await publishBehind(2, 5);
      const { cursor } = await behind.hub.snapshot(() => undefined);
      expect(cursor).toBe(ids[1]);
      const client = await SseTestClient.connect(
        ahead.app,
        `/plain?lastEventId=${cursor}`,
      );
      await untilNumber(client, 5);
      expect(numbersOf(client)).toEqual([3, 4, 5]);
    });

    it('a snapshot of another node has one that this node continues from', async () => {
      await publishBehind(2, 5);
      const { cursor } = await ahead.hub.snapshot(() => undefined);
      const client = await SseTestClient.connect(
        behind.app,
        `/plain?lastEventId=${cursor}`,
      );
      behind.log.release();
      await publishNumbers(ahead, 6, 6);
      await untilNumber(client, 6);
      expect(numbersOf(client)).toEqual([6]);
    });

    it('what many clients that were further ask is asked once', async () => {
      const ids = await publishBehind(2, 5);
      const before = { ...behind.log.calls };
      const clients = await Promise.all(
        Array.from({ length: 100 }, (_unused, i) =>
          SseTestClient.connect(behind.app, '/plain', {
            lastEventId: ids[2 + (i % 3)],
          }),
        ),
      );
      behind.log.release();
      await publishNumbers(ahead, 6, 6);
      await Promise.all(clients.map((client) => untilNumber(client, 6)));
      clients.forEach((client, i) =>
        expect(numbersOf(client)).toEqual(range(4 + (i % 3), 6)),
      );
      const { bounds, read, readBack } = behind.log.calls;
      expect([read, readBack]).toEqual([before.read, before.readBack]);
      // Who comes while the first is asked shares the next.
      expect(bounds - before.bounds).toBeLessThanOrEqual(3);
    });

    it('holds for clients that go from node to node, which fall behind and catch up at random', async () => {
      const random = seededRandom(SEED);
      const upTo = (n: number): number => Math.floor(random() * n);
      const nodes = [
        ahead,
        behind,
        await startNode(adapter, history, { options }),
      ];
      const publisher = await startNode(adapter, history, { options });
      const [first] = await publishNumbers(publisher, 1, 1);
      const travellers = await Promise.all(
        Array.from({ length: 12 }, async (_unused, i) => ({
          path: i % 3 === 0 ? 'even' : 'plain',
          numbers: [] as number[],
          ids: [] as string[],
          resets: [] as unknown[],
          client: await SseTestClient.connect(
            nodes[i % 3]!.app,
            `/${i % 3 === 0 ? 'even' : 'plain'}`,
            { lastEventId: first },
          ),
        })),
      );
      type Traveller = (typeof travellers)[number];
      const take = ({ client, numbers, ids, resets }: Traveller): void => {
        numbers.push(...numbersOf(client));
        ids.push(...idsOf(client.received));
        resets.push(...resetsOf(client));
      };
      let last = 1;
      for (let round = 0; round < 60; round++) {
        const node = nodes[upTo(3)]!;
        if (random() < 0.5) {
          node.log.hold();
        } else {
          node.log.release(random() < 0.5 ? 1 + upTo(10) : Infinity);
        }
        const burst = 1 + upTo(12);
        await publishNumbers(publisher, last + 1, last + burst);
        last += burst;
        const traveller = travellers[upTo(12)]!;
        await traveller.client.dropConnection();
        await traveller.client.untilClosed();
        take(traveller);
        traveller.client = await SseTestClient.connect(
          nodes[upTo(3)]!.app,
          `/${traveller.path}`,
          { lastEventId: traveller.client.lastEventId },
        );
      }
      nodes.forEach(({ log }) => log.release());
      const end = last + 2 - (last % 2);
      await publishNumbers(publisher, last + 1, end);
      for (const traveller of travellers) {
        await untilNumber(traveller.client, end);
        take(traveller);
        const all = range(2, end).filter(
          (n) => traveller.path === 'plain' || n % 2 === 0,
        );
        expect({ seed: SEED, ...traveller, client: 0 }).toEqual({
          seed: SEED,
          path: traveller.path,
          client: 0,
          numbers: all,
          ids: traveller.ids.toSorted(),
          resets: [],
        });
      }
    });
  });

  describe('Invariant 3, no silent gap:', () => {
    /** The node that has met the newest two of five dies, and the engine has lost them. */
    async function loseUnnoticed(met: number): Promise<string[]> {
      const ids = await publishBehind(met, 5);
      await history.forgetTail(2);
      await ahead.app.close();
      return ids;
    }

    const expectUnknown = async (
      client: SseTestClient,
      cursor: string,
      first: number,
    ): Promise<void> => {
      await client.next('hub.reset');
      await publishNumbers(behind, 8, 8);
      await untilNumber(client, 8);
      expect(resetsOf(client)).toEqual([{ reason: 'unknown', cursor }]);
      expect(numbersOf(client)).toEqual(range(first, 8));
    };

    it('a cursor that the log has lost is told while nothing has come after it', async () => {
      const ids = await loseUnnoticed(3);
      const client = await SseTestClient.connect(behind.app, '/plain', {
        lastEventId: ids[4],
      });
      behind.log.release();
      await expectUnknown(client, ids[4]!, 8);
    });

    it('a cursor that the log has lost is told although the window covers it', async () => {
      const ids = await loseUnnoticed(3);
      behind.log.release();
      await publishNumbers(behind, 6, 7);
      const client = await SseTestClient.connect(behind.app, '/plain', {
        lastEventId: ids[4],
      });
      await expectUnknown(client, ids[4]!, 8);
    });

    it('a cursor that the log has lost is told although it is older than the window', async () => {
      const ids = await loseUnnoticed(3);
      behind.log.release();
      await publishNumbers(behind, -30, 7);
      const client = await SseTestClient.connect(behind.app, '/plain', {
        lastEventId: ids[4],
      });
      await expectUnknown(client, ids[4]!, 8);
    });

    it('a cursor that the log has lost is told when the node gets there, before what follows', async () => {
      const ids = await loseUnnoticed(2);
      const { hub } = behind;
      await hub.publish('numbers', { data: { n: 6 } });
      const client = await SseTestClient.connect(behind.app, '/plain', {
        lastEventId: ids[4],
      });
      expect((await client.next('hub.checkpoint')).id).toBe(ids[4]);
      await expectQuiet(client, ids[4]!);
      behind.log.release();
      await hub.publish('numbers', { data: { n: 7 } });
      await expectUnknown(client, ids[4]!, 6);
    });

    /** The id that a client gets first. */
    async function givenBy(path: string): Promise<string> {
      const client = await SseTestClient.connect(ahead.app, `/${path}`);
      const { id } = await client.next('hub.checkpoint');
      await client.dropConnection();
      return id!;
    }

    /** Every node continues from these places, also one that has just started. */
    async function expectKnown(places: readonly string[]): Promise<void> {
      expect(new Set(places).size).toBe(places.length);
      const fresh = await startNode(adapter, history, { options });
      let last = 100;
      for (const lastEventId of places) {
        for (const node of [ahead, behind, fresh]) {
          const client = await SseTestClient.connect(node.app, '/plain', {
            lastEventId,
          });
          await publishNumbers(node, ++last, last);
          await untilNumber(client, last);
          expect([lastEventId, resetsOf(client)]).toEqual([lastEventId, []]);
        }
      }
    }

    it('no place that a client can have been given is taken for a lost one', async () => {
      const empty = await givenBy('plain');
      await publishNumbers(ahead, 1, 3);
      const third = await givenBy('plain');
      await ahead.hub.disconnect({ user: 'nobody' });
      const ofTheHub = await givenBy('plain');
      await publishNumbers(ahead, 4, 6);
      await expectKnown([empty, third, ofTheHub]);
    });

    it.each([
      ['older than the window', 10],
      ['in the window', 40],
    ])(
      'where the log begins is not taken for a lost place when it is %s',
      async (_name, trimmed) => {
        const ids = await publishNumbers(ahead, 1, 50);
        await eventually(() => behind.hub.health().position === ids[49]);
        history.trim(ids[trimmed - 1]!);
        const all = await givenBy('rewind?count=all');
        expect(all).toBe(ids[trimmed - 1]);
        await expectKnown([all]);
      },
    );
  });
});
