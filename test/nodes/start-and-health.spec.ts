import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { EventHub, LogUnavailableException } from 'nestjs-sse-hub';
import type { HubHealth } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import {
  numbersOf,
  publishNumbers,
  range,
  startNode,
  untilNumber,
} from '../support/nodes.js';
import { eventually } from '../support/eventually.js';
import { closeApps, platforms } from '../support/running-app.js';
import { SharedHistory } from '../support/shared-log.js';

/** What the hub says of itself while modules are initialized. */
@Injectable()
class EarlyBird implements OnModuleInit {
  static seen: HubHealth | undefined;

  constructor(private readonly hub: EventHub) {
    EarlyBird.seen = this.hub.health();
  }

  onModuleInit(): void {}
}

describe.each(platforms)('A node (%s)', (_, adapter) => {
  let history: SharedHistory;

  beforeEach(() => {
    history = new SharedHistory();
  });

  afterEach(async () => {
    await closeSseTestClients();
    await closeApps();
  });

  it('listens when its window is filled: who comes back after a deploy reads no log', async () => {
    const before = await startNode(adapter, history);
    const ids = await publishNumbers(before, 1, 200);
    await before.app.close();
    const log = history.node();
    let isListening = false;
    let mayFill: () => void = () => undefined;
    const filling = new Promise<void>((resolve) => (mayFill = resolve));
    const readBack = log.readBack.bind(log);
    log.readBack = async (...page) => {
      await filling;
      return readBack(...page);
    };
    const starting = startNode(adapter, history, {}, log).then((node) => {
      isListening = true;
      return node;
    });
    await eventually(() => log.calls.bounds > 0);
    for (let turn = 0; turn < 50; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(isListening).toBe(false);
    mayFill();
    const node = await starting;
    const { calls } = log;
    const start = { ...calls };
    const clients = await Promise.all(
      [0, 50, 100, 199].map((i) =>
        SseTestClient.connect(node.app, '/plain', { lastEventId: ids[i] }),
      ),
    );
    await publishNumbers(node, 201, 201);
    await Promise.all(clients.map((client) => untilNumber(client, 201)));
    expect(clients.map(numbersOf)).toEqual(
      [2, 52, 102, 201].map((first) => range(first, 201)),
    );
    expect({ ...calls, append: 0 }).toEqual({ ...start, append: 0 });
  });

  it('does not start without the engine, and says what to do', async () => {
    const log = history.node();
    log.goAway();
    const starting = startNode(adapter, history, {}, log);
    await expect(starting).rejects.toThrow(LogUnavailableException);
    await expect(starting).rejects.toThrow(
      /needs its log to start.*Check that it runs.*engine of the test is away/,
    );
    log.comeBack();
    const node = await startNode(adapter, history, {}, log);
    expect(node.hub.health().status).toBe('up');
  });

  it('says how it is: starting, up, without its engine, behind, closed', async () => {
    const log = history.node();
    const node = await startNode(
      adapter,
      history,
      { providers: [EarlyBird], options: { window: { events: 4 } } },
      log,
    );
    const { hub } = node;
    expect(EarlyBird.seen).toEqual({
      status: 'down',
      state: 'starting',
      log: { status: 'up' },
      position: undefined,
      waiting: 0,
    });
    const ids = await publishNumbers(node, 1, 9);
    const up = {
      status: 'up',
      state: 'started',
      log: { status: 'up' },
      position: ids[8],
      waiting: 0,
    };
    expect(hub.health()).toEqual(up);

    log.goAway();
    const client = await SseTestClient.connect(node.app, '/plain', {
      lastEventId: ids[0],
    });
    await client.next('hub.checkpoint');
    const reason = 'The engine of the test is away.';
    expect(hub.health()).toEqual({
      ...up,
      status: 'down',
      log: { status: 'down', reason },
      waiting: 1,
    });
    await client.dropConnection();
    await eventually(() => hub.health().waiting === 0);

    log.comeBack();
    log.hold();
    const other = await startNode(adapter, history);
    await publishNumbers(other, 10, 10);
    expect(hub.health()).toEqual(up);
    expect(other.hub.health().position! > ids[8]!).toBe(true);

    await node.app.close();
    expect(hub.health()).toMatchObject({ status: 'down', state: 'stopped' });
  });
});
