import { jest } from '@jest/globals';
import { Controller, Query } from '@nestjs/common';
import {
  Connection,
  StreamEndedException,
  EventHub,
  LogUnavailableException,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { History, SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { concat, of } from 'rxjs';
import { engines } from '../support/engines.js';
import type { Engine } from '../support/engines.js';
import { eventually } from '../support/eventually.js';
import {
  publishNumbers,
  range,
  resetsOf,
  startNode,
} from '../support/nodes.js';
import type { Node } from '../support/nodes.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { SharedHistory } from '../support/shared-log.js';

jest.setTimeout(60_000);

/** Called between the list and the stream behind it. */
let between: (history: History) => unknown;
/** What a handler caught. */
let caught: unknown[];

beforeEach(() => {
  between = () => undefined;
  caught = [];
});

const topics = ['numbers'];

@Controller()
class ListsController {
  constructor(private readonly hub: EventHub) {}

  /** What there is, then what comes. */
  @Sse('listed')
  async listed(@Connection() connection: SseConnection) {
    if (connection.lastEventId !== undefined) {
      return this.hub.stream({ topics, for: connection });
    }
    const history = await this.hub.history({
      topics,
      rewind: 'all',
      for: connection,
    });
    await between(history);
    const data = history.events.map(({ data }) => data.n as number);
    return concat(
      of({ type: 'list', data }),
      this.hub.stream({ topics, after: history.cursor, for: connection }),
    );
  }

  /** Without the list, if there is none to be had: the stream waits. */
  @Sse('at-least-changes')
  async atLeastChanges(@Connection() connection: SseConnection) {
    try {
      return await this.listed(connection);
    } catch (error) {
      caught.push(error);
      return this.hub.stream({ topics, rewind: 'all', for: connection });
    }
  }

  @Sse('last')
  async last(
    @Connection() connection: SseConnection,
    @Query('count') count: string,
  ) {
    const { events } = await this.hub.history({
      topics,
      rewind: Number(count),
      for: connection,
    });
    return of({ type: 'list', data: events.map(({ data }) => data.n) });
  }
}

/** The numbers that a page shows. */
function shown({ received: events }: SseTestClient): number[] {
  let numbers: number[] = [];
  for (const { type, data } of events) {
    if (type === 'list') {
      numbers = [...(data as number[])];
    } else if (type === 'message') {
      numbers.push((data as { n: number }).n);
    }
  }
  return numbers;
}

const untilShown = (client: SseTestClient, last: number): Promise<void> =>
  client.until(() => shown(client).at(-1) === last);

describe.each(platforms)('hub.history over a shared log (%s)', (_, adapter) => {
  let history: SharedHistory;

  beforeEach(() => {
    history = new SharedHistory();
  });

  afterEach(async () => {
    await closeSseTestClients();
    await closeApps();
  });

  const start = (options?: SseModuleOptions): Promise<Node> =>
    startNode(adapter, history, {
      controllers: [ListsController],
      options: { window: { events: 16 }, heartbeat: 100, ...options },
    });

  describe('While the engine is away', () => {
    it('gives what this node keeps in memory', async () => {
      const node = await start();
      await publishNumbers(node, 1, 30);
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/last?count=10');
      await client.next('list');
      expect(shown(client)).toEqual(range(21, 30));
    });

    it('sends a client that needs more away for a while, with status 200', async () => {
      const node = await start();
      await publishNumbers(node, 1, 30);
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/listed');
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.status).toBe(200);
      expect(client.received).toEqual([
        {
          type: 'hub.closed',
          id: undefined,
          data: { reason: 'unavailable' },
        },
      ]);
      expect(client.text.match(/^retry:/gm)).toHaveLength(1);
      node.log.comeBack();
      await client.reconnect();
      await client.next('list');
      expect(shown(client)).toEqual(range(1, 30));
    });

    it('fails, and a handler may go on without the list', async () => {
      const node = await start();
      await publishNumbers(node, 1, 30);
      node.log.goAway();
      const client = await SseTestClient.connect(node.app, '/at-least-changes');
      expect(caught).toEqual([expect.any(LogUnavailableException)]);
      node.log.comeBack();
      await untilShown(client, 30);
      expect(shown(client)).toEqual(range(1, 30));
    });
  });

  describe('When history changes,', () => {
    /** Nobody else can have revoked anything, so nobody is sent away. */
    const startAlone = async () => {
      const log = history.node();
      log.capabilities = { durable: true, shared: false };
      const parts = { controllers: [ListsController] };
      const options = { window: { events: 16 } };
      return startNode(adapter, history, { ...parts, options }, log);
    };

    /** What is published is lost while its second page is read. */
    const publishAndLose = async (node: Node) => {
      await publishNumbers(node, 1, 1_100);
      node.log.onRead = (count) => {
        if (count === 2) {
          history.loseHistory();
        }
      };
      node.log.calls.read = 0;
    };

    it('and revocations may be lost with it, sends the client away, who gets what there is then', async () => {
      const node = await start();
      await publishAndLose(node);
      const client = await SseTestClient.connect(node.app, '/listed');
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.received.map(({ data }) => data)).toEqual([
        { reason: 'unavailable' },
      ]);
      await publishNumbers(node, 1, 2);
      await client.reconnect();
      await client.next('list');
      expect(shown(client)).toEqual([1, 2]);
    });

    it('gives what there is then, if it changes while it is read', async () => {
      const node = await startAlone();
      await publishAndLose(node);
      const client = await SseTestClient.connect(node.app, '/listed');
      await client.next('list');
      expect(shown(client)).toEqual([]);
      await publishNumbers(node, 2_000, 2_001);
      await untilShown(client, 2_001);
      expect(shown(client)).toEqual([2_000, 2_001]);
      expect(resetsOf(client)).toEqual([]);
    });

    it('tells the page, if it changes between list and stream', async () => {
      const node = await startAlone();
      await publishNumbers(node, 1, 3);
      const { epoch } = await history.bounds();
      let list!: History;
      between = async (read) => {
        list = read;
        history.loseHistory();
        await eventually(() => !node.hub.health().position!.startsWith(epoch));
      };
      const client = await SseTestClient.connect(node.app, '/listed');
      const reset = await client.next('hub.reset');
      expect(resetsOf(client)).toEqual([
        { reason: 'epoch', cursor: list.cursor },
      ]);
      expect(reset.id!.startsWith(epoch)).toBe(false);
      // The page starts over, as it does after any reset.
      between = () => undefined;
      await publishNumbers(node, 7, 8);
      const fresh = await SseTestClient.connect(node.app, '/listed');
      await fresh.next('list');
      expect(shown(fresh)).toEqual([7, 8]);
    });

    it('tells the page, if what comes after the list is trimmed before the stream', async () => {
      const node = await start({ window: { events: 1 } });
      const ids = await publishNumbers(node, 1, 3);
      between = async () => {
        const more = await publishNumbers(node, 4, 9);
        history.trim(more[3]!);
      };
      const client = await SseTestClient.connect(node.app, '/listed');
      await client.next('hub.reset');
      expect(resetsOf(client)).toEqual([{ reason: 'evicted', cursor: ids[2] }]);
    });
  });

  describe('On a node that is behind', () => {
    it('gives what the node has met, and the rest comes', async () => {
      const ahead = await start();
      const behind = await start();
      const ids = await publishNumbers(ahead, 1, 40);
      await eventually(() => behind.hub.health().position === ids.at(-1));
      behind.log.hold();
      await publishNumbers(ahead, 41, 60);
      const client = await SseTestClient.connect(behind.app, '/listed');
      await client.next('list');
      expect(shown(client)).toEqual(range(1, 40));
      expect(client.received[1]).toMatchObject({
        type: 'hub.checkpoint',
        id: ids.at(-1),
      });
      behind.log.release();
      await untilShown(client, 60);
      expect(shown(client)).toEqual(range(1, 60));
    });

    it('loses and doubles nothing for a client that goes to another', async () => {
      const ahead = await start();
      const behind = await start();
      const ids = await publishNumbers(ahead, 1, 20);
      await eventually(() => behind.hub.health().position === ids.at(-1));
      behind.log.hold();
      await publishNumbers(ahead, 21, 60);
      const client = await SseTestClient.connect(behind.app, '/listed');
      await client.next('hub.checkpoint');
      await client.dropConnection();
      const { lastEventId } = client;
      const other = await SseTestClient.connect(ahead.app, '/listed', {
        lastEventId,
      });
      await untilShown(other, 60);
      expect([...shown(client), ...shown(other)]).toEqual(range(1, 60));
    });
  });

  it('is read from the log once for many who come together', async () => {
    const node = await start();
    const ids = await publishNumbers(node, 1, 600);
    const asked = jest.spyOn(node.hub, 'history');
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    node.log.calls.read = 0;
    node.log.onRead = () => held;
    const connecting = Array.from({ length: 50 }, () =>
      SseTestClient.connect(node.app, '/listed'),
    );
    await eventually(() => asked.mock.calls.length === connecting.length);
    // It asks for the log's bounds behind them: they know those too, and all wait for the first page.
    const last = await SseTestClient.connect(node.app, '/plain', {
      lastEventId: `${ids.at(-1)!.slice(0, -1)}z`,
    });
    await last.next('hub.reset');
    await eventually(() => node.hub.health().waiting === connecting.length);
    release();
    const clients = await Promise.all(connecting);
    await Promise.all(clients.map((client) => client.next('list')));
    clients.forEach((client) => expect(shown(client)).toEqual(range(1, 600)));
    // Both pages that the 600 are.
    expect(node.log.calls.read).toBe(2);
  });

  it('is not waited for any more when the client has left', async () => {
    const node = await start();
    await publishNumbers(node, 1, 30);
    node.log.patience = 40_000;
    node.log.goAway();
    const client = SseTestClient.connect(node.app, '/at-least-changes');
    const gone = expect(client).rejects.toThrow();
    await eventually(() => node.hub.health().waiting === 1);
    node.app.getHttpServer().closeAllConnections();
    await gone;
    await eventually(() => caught.length === 1);
    expect(caught).toEqual([expect.any(StreamEndedException)]);
    expect(node.hub.health().waiting).toBe(0);
  });
});

describe.each(engines)('hub.history over %s', (_, startEngine) => {
  const [, adapter] = platforms[0]!;
  let engine: Engine;

  beforeEach(async () => {
    engine = await startEngine();
  });

  afterEach(async () => {
    await closeSseTestClients();
    await closeApps();
    await engine.dispose();
  });

  const start = (timeout?: number) =>
    startApp(adapter, {
      controllers: [ListsController],
      options: { log: engine.log(timeout), window: { events: 16 } },
    });

  it('has what all nodes have published, then what they publish', async () => {
    const [a, b] = await Promise.all([start(), start()]);
    const publishing = Promise.all([
      publishNumbers(a, 1, 700),
      publishNumbers(b, 1_001, 1_700),
    ]);
    const clients: SseTestClient[] = [];
    let isDone = false;
    void publishing.then(() => (isDone = true));
    while (!isDone) {
      clients.push(
        await SseTestClient.connect([a, b][clients.length % 2]!.app, '/listed'),
      );
      await clients.at(-1)!.next('list');
    }
    const ids = (await publishing).flat();
    for (const client of clients) {
      await client.until(() => shown(client).length >= ids.length);
      const numbers = shown(client);
      expect(numbers.filter((n) => n < 1_000)).toEqual(range(1, 700));
      expect(numbers.filter((n) => n > 1_000)).toEqual(range(1_001, 1_700));
    }
    expect(clients.length).toBeGreaterThan(2);
  });

  it('is there again when the engine is', async () => {
    const node = await start(1_000);
    await publishNumbers(node, 1, 40);
    await engine.goAway();
    const client = await SseTestClient.connect(node.app, '/listed');
    await client.next('hub.closed');
    await engine.comeBack();
    while (!client.received.some(({ type }) => type === 'list')) {
      await client.reconnect();
      await client.next(({ type }) => type === 'list' || type === 'hub.closed');
    }
    expect(shown(client)).toEqual(range(1, 40));
  });
});
