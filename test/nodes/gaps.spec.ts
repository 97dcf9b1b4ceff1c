import { Controller, Injectable } from '@nestjs/common';
import {
  Connection,
  EventHub,
  LogUnavailableException,
  Sse,
  SseConnection,
  TopicPolicy,
} from 'nestjs-sse-hub';
import type { SseModuleOptions, TopicAuthorizer } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { eventually } from '../support/eventually.js';
import {
  numbersOf,
  publishNumbers,
  range,
  resetsOf,
  startNode,
  untilNumber,
} from '../support/nodes.js';
import type { Node } from '../support/nodes.js';
import { closeApps, platforms } from '../support/running-app.js';
import { SharedHistory } from '../support/shared-log.js';

/** Questions to a policy that the test has not answered yet. */
let questions: (() => void)[] = [];
let isAnswered = false;

/** The policy says yes, from now on at once. */
function answerAll(): void {
  isAnswered = true;
  questions.forEach((answer) => answer());
}

@Injectable()
@TopicPolicy('asked.*')
class AskedPolicy implements TopicAuthorizer {
  canSubscribe(): Promise<boolean> {
    return new Promise((resolve) => {
      questions.push(() => resolve(true));
      if (isAnswered) {
        resolve(true);
      }
    });
  }
}

@Controller()
class AskedController {
  constructor(private readonly hub: EventHub) {}

  @Sse('asked')
  asked(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['asked.1', 'numbers'],
      for: connection,
    });
  }
}

/** How a history changes under a node that has met some of it. */
interface Change {
  readonly name: string;
  readonly reason: string;
  /** How many of the numbers that the node has not met are left for it to meet. */
  readonly left: number;
  readonly happen: (history: SharedHistory, ids: readonly string[]) => unknown;
}

const changes: Change[] = [
  {
    name: 'trimmed under it',
    reason: 'evicted',
    left: 0,
    happen: (history, ids) => history.trim(ids.at(-1)!),
  },
  {
    name: 'lost',
    reason: 'history-changed',
    left: 0,
    happen: (history) => history.loseHistory(),
  },
  {
    name: 'without its newest entries',
    reason: 'history-changed',
    left: 2,
    happen: (history) => history.loseTail(1),
  },
];

describe.each(platforms)(
  'Invariant 3, no silent gap, when history is gone under a node (%s)',
  (_, adapter) => {
    let history: SharedHistory;
    let ahead: Node;
    let node: Node;

    beforeEach(async () => {
      questions = [];
      isAnswered = false;
      history = new SharedHistory();
      ahead = await start();
    });

    afterEach(async () => {
      await closeSseTestClients();
      await closeApps();
    });

    const start = (options?: SseModuleOptions, log = history.node()) =>
      startNode(
        adapter,
        history,
        {
          controllers: [AskedController],
          providers: [AskedPolicy],
          options: { window: { events: 16 }, heartbeat: 100, ...options },
        },
        log,
      );

    /** A node that has met the first of these numbers, and is kept from the others. */
    async function startBehind(met: number, all: number): Promise<string[]> {
      const ids = await publishNumbers(ahead, 1, met);
      node = await start();
      node.log.hold();
      node.log.goAway();
      return [...ids, ...(await publishNumbers(ahead, met + 1, all))];
    }

    /** The node meets what has happened. */
    async function goOn(): Promise<void> {
      const { position } = node.hub.health();
      node.log.comeBack();
      node.log.release();
      await eventually(() => node.hub.health().position !== position);
    }

    /** It was told of one gap, and gets all that is published from now on. */
    async function expectReset(
      client: SseTestClient,
      reason: string,
      cursor: string,
      data: readonly number[] = [],
      maybe: readonly number[] = [],
    ): Promise<void> {
      await client.until(() => resetsOf(client).length > 0);
      await publishNumbers(node, 1_001, 1_002);
      await untilNumber(client, 1_002);
      expect(resetsOf(client)).toEqual([{ reason, cursor }]);
      expect(numbersOf(client).filter((n) => !maybe.includes(n))).toEqual([
        ...data,
        1_001,
        1_002,
      ]);
      // What it was told holds: it comes back without being told again.
      await client.reconnect();
      await publishNumbers(node, 1_003, 1_003);
      await untilNumber(client, 1_003);
      expect(resetsOf(client)).toHaveLength(1);
    }

    it.each(changes)(
      'a live stream is told once: history $name',
      async ({ reason, left, happen }) => {
        const ids = await startBehind(2, 5);
        const client = await SseTestClient.connect(node.app, '/plain');
        await client.next('hub.checkpoint');
        await happen(history, ids);
        await goOn();
        await expectReset(client, reason, ids[1]!, range(3, 2 + left));
      },
    );

    it.each(changes)(
      'a stream whose start waits for the log is told once: history $name',
      async ({ reason, left, happen }) => {
        const ids = await startBehind(40, 43);
        const client = await SseTestClient.connect(node.app, '/plain', {
          lastEventId: ids[4],
        });
        await client.next('hub.checkpoint');
        await happen(history, ids);
        await goOn();
        // It has not started: what the log says of its cursor is what counts.
        const told = reason === 'evicted' ? 'evicted' : 'epoch';
        // It goes on from where the node is by then.
        await expectReset(client, told, ids[4]!, [], range(41, 40 + left));
      },
    );

    it.each(changes)(
      'a stream in mid-replay is told once: history $name',
      async ({ reason, left, happen }) => {
        const ids = await publishNumbers(ahead, 1, 600);
        node = await start();
        const reads = node.log.calls.read;
        node.log.onRead = (count) => {
          if (count > reads + 1) {
            node.log.hold();
            node.log.goAway();
          }
        };
        const client = await SseTestClient.connect(node.app, '/plain', {
          lastEventId: ids[4],
        });
        await eventually(() => node.log.calls.read > reads + 1);
        await untilNumber(client, 517);
        ids.push(...(await publishNumbers(ahead, 601, 603)));
        node.log.onRead = () => undefined;
        await happen(history, ids);
        await goOn();
        await expectReset(client, reason, ids[516]!, [
          ...range(6, 517),
          ...range(601, 600 + left),
        ]);
      },
    );

    it.each(changes)(
      'a stream that its policy keeps waiting is told once: history $name',
      async ({ reason, left, happen }) => {
        const ids = await startBehind(2, 5);
        const connecting = SseTestClient.connect(node.app, '/asked', {
          lastEventId: ids[1],
        });
        await eventually(() => questions.length === 1);
        await happen(history, ids);
        await goOn();
        // Asked again, as a revocation may have been among what is gone.
        await eventually(() => questions.length === 2);
        answerAll();
        const told = reason === 'evicted' ? 'evicted' : 'epoch';
        await expectReset(
          await connecting,
          told,
          ids[1]!,
          [],
          range(3, 2 + left),
        );
      },
    );

    it.each(changes)(
      'a stream that a refresh has suspended is told once, and goes on when it may: history $name',
      async ({ reason, left, happen }) => {
        const loads: (() => void)[] = [];
        const log = history.node();
        // Nobody else can have revoked anything, so nobody has to come again.
        log.capabilities = { durable: true, shared: false };
        const ids = await publishNumbers(ahead, 1, 2);
        node = await start(
          {
            loadUser: (id) =>
              new Promise((resolve) => loads.push(() => resolve({ id }))),
          },
          log,
        );
        const client = await SseTestClient.connect(node.app, '/plain', {
          headers: { 'x-user': '7' },
        });
        await client.next('hub.checkpoint');
        await node.hub.refresh({ user: 7 });
        const cursor = await node.hub.head();
        node.log.hold();
        ids.push(...(await publishNumbers(ahead, 3, 5)));
        await happen(history, ids);
        await goOn();
        await client.until(() => resetsOf(client).length > 0);
        await publishNumbers(node, 6, 6);
        loads.forEach((load) => load());
        await untilNumber(client, 6);
        expect(resetsOf(client)).toEqual([{ reason, cursor }]);
        expect(numbersOf(client)).toEqual([...range(3, 2 + left), 6]);
      },
    );

    it('a live stream for which there was nothing is told from where it was', async () => {
      const ids = await startBehind(2, 5);
      node.log.comeBack();
      const client = await SseTestClient.connect(node.app, '/plain');
      await client.next('hub.checkpoint');
      node.log.release(1);
      await ahead.hub.publish('other', { data: 1 });
      await eventually(() => node.hub.health().position === ids[2]);
      await untilNumber(client, 3);
      node.log.hold();
      const other = await SseTestClient.connect(node.app, '/of-another-topic');
      await other.next('hub.checkpoint');
      node.log.release(2);
      await eventually(() => node.hub.health().position === ids[4]);
      history.loseHistory();
      await goOn();
      await other.until(() => resetsOf(other).length > 0);
      expect(resetsOf(other)).toEqual([
        { reason: 'history-changed', cursor: ids[4] },
      ]);
    });

    it('a page of another history, of which the node has not been told, is nothing to a replay', async () => {
      await publishNumbers(ahead, 1, 1_300);
      node = await start();
      const { position } = node.hub.health();
      const ids = await publishNumbers(node, 1_301, 1_301);
      expect(ids[0]! > position!).toBe(true);
      const reads = node.log.calls.read;
      node.log.onRead = (count) => {
        if (count === reads + 2) {
          node.log.hold();
          history.loseHistory();
        }
      };
      const client = await SseTestClient.connect(
        node.app,
        '/rewind?count=1200',
      );
      await eventually(() => node.log.calls.read === reads + 2);
      const beats = client.comments.length + 2;
      await client.until(() => client.comments.length >= beats);
      expect(resetsOf(client)).toEqual([]);
      const { cursor, numbers } = {
        cursor: client.lastEventId!,
        numbers: numbersOf(client),
      };
      await goOn();
      await expectReset(client, 'history-changed', cursor, numbers);
    });

    it('what the log has lost, of which nobody has been told, is not asked for all the time', async () => {
      const ids = await publishNumbers(ahead, 1, 60);
      node = await start();
      node.log.hold();
      await history.forgetTail(55);
      const client = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: ids[4],
      });
      await client.next('hub.checkpoint');
      const { read } = node.log.calls;
      for (let turn = 0; turn < 300; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(node.log.calls.read - read).toBeLessThan(100);
      await history.loseTail(0);
      await goOn();
      await expectReset(client, 'history-changed', ids[4]!);
    });

    it('a client that was further, and has seen what is gone, is told nothing', async () => {
      const ids = await startBehind(2, 5);
      node.log.comeBack();
      const clients = await Promise.all(
        [ids[4], ids[3]].map((lastEventId) =>
          SseTestClient.connect(node.app, '/plain', { lastEventId }),
        ),
      );
      const behind = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: ids[2],
      });
      history.trim(ids[3]!);
      await goOn();
      await publishNumbers(node, 6, 6);
      await Promise.all(
        [...clients, behind].map((client) => untilNumber(client, 6)),
      );
      expect(clients.map(resetsOf)).toEqual([[], []]);
      expect(clients.map(numbersOf)).toEqual([[6], [5, 6]]);
      expect(resetsOf(behind)).toEqual([{ reason: 'evicted', cursor: ids[2] }]);
      expect(numbersOf(behind)).toEqual([5, 6]);
    });

    it('a client that was further in a history that is lost is told', async () => {
      const ids = await startBehind(2, 5);
      node.log.comeBack();
      const client = await SseTestClient.connect(node.app, '/plain', {
        lastEventId: ids[4],
      });
      await client.next('hub.checkpoint');
      history.loseHistory();
      await goOn();
      await expectReset(client, 'history-changed', ids[4]!);
    });

    it('a rewind that waits for the log gets what the other history has', async () => {
      await startBehind(40, 45);
      const client = await SseTestClient.connect(node.app, '/rewind?count=30');
      expect(client.status).toBe(200);
      history.loseHistory();
      await publishNumbers(ahead, 1, 3).catch(() => undefined);
      await goOn();
      await untilNumber(client, 3);
      await publishNumbers(node, 4, 4);
      await untilNumber(client, 4);
      expect(numbersOf(client)).toEqual(range(1, 4));
      expect(resetsOf(client)).toEqual([]);
    });

    it('who waits for an entry that is lost hears of it; one that was only trimmed has been obeyed', async () => {
      const ids = await publishNumbers(ahead, 1, 2);
      node = await start();
      const client = await SseTestClient.connect(node.app, '/plain', {
        headers: { 'x-user': '7' },
      });
      node.log.hold();
      const lost = node.hub.disconnect({ user: 8 });
      await eventually(() => node.log.calls.append > 0);
      await publishNumbers(ahead, 3, 3);
      history.loseHistory();
      await Promise.all([
        expect(lost).rejects.toThrow(LogUnavailableException),
        goOn(),
      ]);
      expect(ids).toHaveLength(2);

      node.log.hold();
      const trimmed = node.hub.disconnect({ topic: 'numbers' }, 'closed');
      const other = await SseTestClient.connect(node.app, '/plain');
      await eventually(() => node.log.calls.append > 1);
      const [last] = await publishNumbers(ahead, 4, 4);
      history.trim(last!);
      await goOn();
      await trimmed;
      expect((await other.untilClosed()).clean).toBe(true);
      expect(other.received.at(-1)!.data).toEqual({ reason: 'closed' });
      await client.dropConnection();
    });
  },
);
