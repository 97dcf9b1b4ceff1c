import { Controller, Get, HttpException } from '@nestjs/common';
import { EventHub, LogUnavailableException } from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import {
  idsOf,
  numbersOf,
  publishNumbers,
  range,
  replacements,
  resetsOf,
  startNode,
  untilNumber,
} from '../support/nodes.js';
import type { Node } from '../support/nodes.js';
import { closeApps, platforms } from '../support/running-app.js';
import { SharedHistory } from '../support/shared-log.js';

@Controller()
class PublishController {
  constructor(private readonly hub: EventHub) {}

  @Get('publish')
  async publish(): Promise<string> {
    await this.hub.publish('numbers', { data: { n: 0 } });
    return 'published';
  }
}

/** Waits until a stream that the hub has nothing for was kept open so often. */
const beats = (client: SseTestClient, count: number): Promise<void> => {
  const least = client.comments.length + count;
  return client.until(() => client.comments.length >= least);
};

describe.each(platforms)('While the engine is away (%s)', (_, adapter) => {
  let history: SharedHistory;

  beforeEach(() => {
    history = new SharedHistory();
  });

  afterEach(async () => {
    await closeSseTestClients();
    await closeApps();
  });

  /** Its window holds the newest 16 events, and quiet streams get something ten times a second. */
  const start = (options?: SseModuleOptions): Promise<Node> =>
    startNode(adapter, history, {
      controllers: [PublishController],
      options: { window: { events: 16 }, heartbeat: 100, ...options },
    });

  describe('Invariant 2, no loss, no double:', () => {
    it('open streams stay open, get heartbeats, and go on by themselves', async () => {
      const node = await start();
      const client = await SseTestClient.connect(node.app, '/plain');
      await publishNumbers(node, 1, 2);
      await untilNumber(client, 2);
      node.log.goAway();
      await beats(client, 3);
      const other = await start();
      await publishNumbers(other, 3, 4);
      await beats(client, 1);
      expect(numbersOf(client)).toEqual([1, 2]);

      node.log.comeBack();
      await untilNumber(client, 4);
      await publishNumbers(node, 5, 5);
      await untilNumber(client, 5);
      expect(numbersOf(client)).toEqual(range(1, 5));
      expect(resetsOf(client)).toEqual([]);
    });

    it('a new client gets its head and its cursor at once, and all that follows', async () => {
      const node = await start();
      await publishNumbers(node, 1, 3);
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/plain');
      const { id } = await client.next('hub.checkpoint');
      expect(id).toBe(await node.hub.head());
      node.log.comeBack();
      await publishNumbers(node, 4, 4);
      await untilNumber(client, 4);
      expect(numbersOf(client)).toEqual([4]);
    });

    it('a cursor in the window is replayed from there', async () => {
      const node = await start();
      const ids = await publishNumbers(node, 1, 10);
      node.log.goAway();
      const before = { ...node.log.calls };
      const client = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: ids[4],
      });
      await untilNumber(client, 10);
      expect(numbersOf(client)).toEqual(range(6, 10));
      expect(node.log.calls).toEqual(before);
    });

    it.each([true, false])(
      'an older cursor gets a head and its own id, waits, and is replayed when the engine is back (noticed: %s)',
      async (isNoticed) => {
        const node = await start();
        const ids = await publishNumbers(node, 1, 60);
        node.log.goAway(isNoticed);
        const client = await SseTestClient.connect(node.app, '/plain', {
          lastEventId: ids[9],
        });
        expect((await client.next('hub.checkpoint')).id).toBe(ids[9]);
        await beats(client, 2);
        expect(client.text.match(/^retry:/gm)).toHaveLength(1);
        expect(client.data).toEqual([]);
        // It drops and comes back as what it is: nothing is skipped by that.
        await client.reconnect();
        expect(client.lastEventId).toBe(ids[9]);
        node.log.comeBack();
        await untilNumber(client, 60);
        await publishNumbers(node, 61, 61);
        await untilNumber(client, 61);
        expect(numbersOf(client)).toEqual(range(11, 61));
        expect(resetsOf(client)).toEqual([]);
        expect(idsOf(client.received)).toEqual(
          idsOf(client.received).toSorted(),
        );
      },
    );

    it('a stream that replaces one that waited continues where the client is', async () => {
      const node = await start();
      const ids = await publishNumbers(node, 1, 60);
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/replaced', {
        lastEventId: ids[9],
      });
      await beats(client, 1);
      replacements.next();
      await beats(client, 1);
      node.log.comeBack();
      await untilNumber(client, 60);
      expect(numbersOf(client)).toEqual(range(11, 60));
      expect(resetsOf(client)).toEqual([]);
    });

    it('whose stream waits is present all the same', async () => {
      const node = await start();
      const ids = await publishNumbers(node, 1, 60);
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/plain', {
        headers: { 'x-user': '7' },
        lastEventId: ids[9],
      });
      expect(node.hub.presence('numbers').users).toEqual(['7']);
      node.log.comeBack();
      await untilNumber(client, 60);
      expect(node.hub.presence('numbers').users).toEqual(['7']);
    });

    it('a replay that has begun waits for its next page, which is no failure', async () => {
      const node = await start();
      const ids = await publishNumbers(node, 1, 1_300);
      let hasLeft: () => void;
      const left = new Promise<void>((resolve) => (hasLeft = resolve));
      const first = node.log.calls.read + 1;
      node.log.onRead = (count) => {
        if (count > first) {
          node.log.goAway();
          hasLeft();
        }
      };
      const client = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: ids[0],
      });
      await left;
      await beats(client, 2);
      expect(numbersOf(client)).toEqual(range(2, 513));
      node.log.onRead = () => undefined;
      node.log.comeBack();
      await untilNumber(client, 1_300);
      expect(numbersOf(client)).toEqual(range(2, 1_300));
      expect(client.received.some(({ type }) => type === 'hub.error')).toBe(
        false,
      );
    });

    it.each(['rewind?count=30', 'rewind?count=all', 'since?time=0'])(
      'a client without a cursor keeps its right to %s, also if it drops meanwhile',
      async (path) => {
        const node = await start();
        await publishNumbers(node, 1, 60);
        node.log.goAway();
        const client = await SseTestClient.connect(node.app, `/${path}`);
        await beats(client, 2);
        expect(idsOf(client.received)).toEqual([]);
        expect(client.lastEventId).toBeUndefined();
        await client.reconnect();
        await beats(client, 2);
        node.log.comeBack();
        await untilNumber(client, 60);
        expect(numbersOf(client)).toEqual(
          range(path.includes('30') ? 31 : 1, 60),
        );
        expect(client.lastEventId).toBe(await node.hub.head());
      },
    );

    it('a rewind that the window can tell needs no engine', async () => {
      const node = await start();
      await publishNumbers(node, 1, 60);
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/rewind?count=10');
      await untilNumber(client, 60);
      expect(numbersOf(client)).toEqual(range(51, 60));
    });
  });

  describe('Invariant 3, no silent gap:', () => {
    it('a cursor whose history is lost meanwhile waits, and is told when the engine is back', async () => {
      const node = await start();
      const ids = await publishNumbers(node, 1, 60);
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: ids[9],
      });
      await client.next('hub.checkpoint');
      history.loseHistory();
      await beats(client, 1);
      expect(resetsOf(client)).toEqual([]);
      node.log.comeBack();
      await client.next('hub.reset');
      await publishNumbers(node, 1, 2);
      await untilNumber(client, 2);
      expect(resetsOf(client)).toEqual([{ reason: 'epoch', cursor: ids[9] }]);
      expect(numbersOf(client)).toEqual([1, 2]);
    });

    it('a cursor of a history that this node does not know yet is not taken for a lost one', async () => {
      const node = await start();
      await publishNumbers(node, 1, 3);
      node.log.goAway();
      history.loseHistory();
      const other = await start();
      const [first] = await publishNumbers(other, 1, 2);
      const client = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: first,
      });
      expect((await client.next('hub.checkpoint')).id).toBe(first);
      await beats(client, 1);
      node.log.comeBack();
      await untilNumber(client, 2);
      expect(numbersOf(client)).toEqual([2]);
      expect(resetsOf(client)).toEqual([]);
    });

    it('a cursor that the log has never had waits, and is told when the engine is back', async () => {
      const node = await start();
      const [, second] = await publishNumbers(node, 1, 2);
      const made = second!.replace(/.$/, '9');
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: made,
      });
      expect((await client.next('hub.checkpoint')).id).toBe(made);
      node.log.comeBack();
      await client.next('hub.reset');
      expect(resetsOf(client)).toEqual([{ reason: 'unknown', cursor: made }]);
      await publishNumbers(node, 3, 3);
      await untilNumber(client, 3);
      expect(numbersOf(client)).toEqual([3]);
    });

    it('a malformed cursor is told at once, and gets no id that skips its rewind', async () => {
      const node = await start();
      await publishNumbers(node, 1, 60);
      node.log.goAway();
      const plain = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: 'x',
      });
      expect((await plain.next('hub.reset')).id).toBe(await node.hub.head());
      const rewound = await SseTestClient.connect(
        node.app,
        '/rewind?count=30',
        {
          lastEventId: 'x',
        },
      );
      await beats(rewound, 1);
      expect(idsOf(rewound.received)).toEqual([]);
      node.log.comeBack();
      await untilNumber(rewound, 60);
      expect(resetsOf(rewound)).toEqual([
        { reason: 'malformed', cursor: null },
      ]);
      expect(numbersOf(rewound)).toEqual(range(31, 60));
    });
  });

  describe('Invariant 4, id discipline:', () => {
    it('what a handler emits while its stream waits has no id of its own', async () => {
      const node = await start();
      await publishNumbers(node, 1, 60);
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/merged?count=30');
      await client.until(() => client.data.includes('own'));
      expect(idsOf(client.received)).toEqual([]);
      node.log.comeBack();
      await untilNumber(client, 60);
      expect(client.data.filter((data) => data !== 'own')).toHaveLength(30);
    });
  });

  describe('what needs the engine', () => {
    it('fails with LogUnavailableException, which answers 503', async () => {
      const node = await start();
      node.log.goAway();
      const { hub } = node;
      await Promise.all(
        [
          hub.publish('numbers', { data: 1 }),
          hub.publish('numbers', { data: 1, ephemeral: true }),
          hub.disconnect({ user: 7 }),
          hub.refresh({ user: 7 }),
        ].map((refused) =>
          expect(refused).rejects.toThrow(LogUnavailableException),
        ),
      );
      expect((await answer(`${node.url}/publish`)).status).toBe(503);
      node.log.comeBack();
      expect((await answer(`${node.url}/publish`)).status).toBe(200);
    });

    it('is not the cursor of a snapshot, from which a client misses nothing', async () => {
      const node = await start();
      await publishNumbers(node, 1, 2);
      node.log.goAway();
      const { cursor, data } = await node.hub.snapshot(() => 'loaded');
      expect(data).toBe('loaded');
      const other = await start();
      await publishNumbers(other, 3, 3);
      const client = await SseTestClient.connect(
        node.app,
        `/plain?lastEventId=${cursor}`,
      );
      node.log.comeBack();
      await untilNumber(client, 3);
      expect(numbersOf(client)).toEqual([3]);
    });

    it('fails as ever when the log fails for another reason', async () => {
      const node = await start();
      const ids = await publishNumbers(node, 1, 1_300);
      node.log.readBack = () =>
        Promise.reject(new HttpException('teapot', 418));
      const refused = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: ids[9],
      });
      expect(refused.status).toBe(418);
      Reflect.deleteProperty(node.log, 'readBack');
      node.log.read = () => Promise.reject(new Error('broken'));
      const failed = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: ids[9],
      });
      expect((await failed.untilClosed()).clean).toBe(true);
      expect(failed.received.at(-1)!.type).toBe('hub.error');
    });
  });

  it('an application closes all the same', async () => {
    const node = await start();
    const ids = await publishNumbers(node, 1, 60);
    node.log.goAway();
    const waiting = await SseTestClient.connect(node.app, '/plain', {
      lastEventId: ids[9],
    });
    const rewound = await SseTestClient.connect(node.app, '/rewind?count=30');
    await node.app.close();
    expect((await waiting.untilClosed()).clean).toBe(true);
    expect((await rewound.untilClosed()).clean).toBe(true);
    expect(waiting.received.map(({ type }) => type)).toEqual([
      'hub.checkpoint',
    ]);
    expect(rewound.received).toEqual([]);
  });
});
