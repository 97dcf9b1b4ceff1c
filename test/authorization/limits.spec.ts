import { Controller, NotFoundException, UseGuards } from '@nestjs/common';
import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import { EventSource } from 'eventsource';
import {
  Connection,
  EventHub,
  OnSseConnect,
  OnSseDisconnect,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { LimitOptions, SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import { eventually, settled } from '../support/eventually.js';
import type { HeaderUser } from '../support/header-user.guard.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { WireClient, destroyWireClients } from '../support/wire-client.js';

const RETRY = 50_000;

afterEach(async () => {
  jest.restoreAllMocks();
  await closeSseTestClients();
  destroyWireClients();
  await closeApps();
});

describe.each(platforms)('The limits of connections, on %s', (_, adapter) => {
  let handled: number;
  let hooks: string[];
  let gate: Promise<void>;
  let openGate: () => void;

  beforeEach(() => {
    handled = 0;
    hooks = [];
    gate = new Promise((resolve) => (openGate = resolve));
  });

  afterEach(() => openGate());

  @UseGuards(HeaderUserGuard)
  @Controller()
  class LimitedController {
    constructor(private readonly hub: EventHub) {}

    @Sse('events')
    events(@Connection() connection: SseConnection) {
      handled++;
      return this.hub.stream({ topics: ['news'], for: connection });
    }

    @Sse('gated')
    async gated(@Connection() connection: SseConnection) {
      handled++;
      await gate;
      return this.hub.stream({ topics: ['news'], for: connection });
    }

    @Sse('missing')
    async missing() {
      await gate;
      throw new NotFoundException();
    }

    @OnSseConnect()
    connected(): void {
      hooks.push('connected');
    }

    @OnSseDisconnect()
    disconnected(_connection: SseConnection, reason: string): void {
      hooks.push(reason);
    }
  }

  const start = (limits: LimitOptions, options: SseModuleOptions = {}) =>
    startApp(adapter, {
      controllers: [LimitedController],
      options: { ...options, limits: { retry: RETRY, ...limits } },
    });

  const as = (user: string) => ({ headers: { 'x-user': user } });

  /** A stream that a limit ended. */
  async function expectSentAway(
    client: SseTestClient,
    reason: string,
  ): Promise<void> {
    expect((await client.untilClosed()).clean).toBe(true);
    expect(client.status).toBe(200);
    expect(client.received.at(-1)).toEqual({
      type: 'hub.closed',
      id: undefined,
      data: { reason },
    });
    const retry = client.retry;
    expect(retry).toBeGreaterThanOrEqual(RETRY);
    expect(retry).toBeLessThanOrEqual(RETRY * 1.5);
  }

  async function expectOpen(
    hub: EventHub,
    clients: readonly SseTestClient[],
  ): Promise<void> {
    await hub.publish('news', { data: 'open' });
    for (const client of clients) {
      expect((await client.next()).data).toBe('open');
    }
    expect(hub.connections()).toHaveLength(clients.length);
  }

  describe('of a user', () => {
    it('one too many replaces the oldest', async () => {
      const { hub, app } = await start({ connectionsPerUser: 2 });
      const clients: SseTestClient[] = [];
      for (let n = 0; n < 5; n++) {
        clients.push(await SseTestClient.connect(app, '/events', as('ann')));
      }
      const [first, second, third, ...open] = clients;
      for (const replaced of [first!, second!, third!]) {
        await expectSentAway(replaced, 'replaced');
      }
      await expectOpen(hub, open);
    });

    it('who left has made room', async () => {
      const { hub, app } = await start({ connectionsPerUser: 2 });
      const stays = await SseTestClient.connect(app, '/events', as('ann'));
      for (let n = 0; n < 5; n++) {
        const leaves = await SseTestClient.connect(app, '/events', as('ann'));
        await leaves.dropConnection();
        await eventually(() => hub.connections().length === 1);
      }
      await expectOpen(hub, [
        stays,
        await SseTestClient.connect(app, '/events', as('ann')),
      ]);
    });

    it('a request that was refused before its head has made room', async () => {
      const { hub, app, url } = await start({ connectionsPerUser: 2 });
      openGate();
      const stays = await SseTestClient.connect(app, '/events', as('ann'));
      for (let n = 0; n < 5; n++) {
        expect((await answer(`${url}/missing`, as('ann'))).status).toBe(404);
      }
      await expectOpen(hub, [
        stays,
        await SseTestClient.connect(app, '/events', as('ann')),
      ]);
    });

    it('a request that is refused, or HEAD, does not close the oldest', async () => {
      const { app, url, hub } = await start({ connectionsPerUser: 1 });
      openGate();
      const client = await SseTestClient.connect(app, '/events', as('7'));
      expect((await answer(`${url}/missing`, as('7'))).status).toBe(404);
      const head = await answer(`${url}/events`, {
        method: 'HEAD',
        ...as('7'),
      });
      expect(head.status).toBe(200);
      await hub.publish('news', { data: 'still here' });
      expect((await client.next()).data).toBe('still here');
    });

    it('is each user’s own, whether the id is a number or a string', async () => {
      const { hub, app } = await start({ connectionsPerUser: 1 });
      const bob = await SseTestClient.connect(app, '/events', as('bob'));
      const old = await SseTestClient.connect(app, '/events', as('42'));
      const young = await SseTestClient.connect(app, '/events', as('42'));
      await expectSentAway(old, 'replaced');
      await expectOpen(hub, [bob, young]);
    });

    it('is not anonymous clients’', async () => {
      const { hub, app } = await start({ connectionsPerUser: 1 });
      const clients = await Promise.all(
        Array.from({ length: 5 }, () => SseTestClient.connect(app, '/events')),
      );
      await expectOpen(hub, clients);
    });

    it('also replaces one that is not open yet', async () => {
      const { hub, app } = await start({ connectionsPerUser: 1 });
      const waiting = SseTestClient.connect(app, '/gated', as('ann'));
      await eventually(() => handled === 1);
      const clients = [
        await SseTestClient.connect(app, '/events', as('ann')),
        await SseTestClient.connect(app, '/events', as('ann')),
      ];
      await expectSentAway(await waiting, 'replaced');
      await expectSentAway(clients[0]!, 'replaced');
      await expectOpen(hub, [clients[1]!]);
    });

    it('lets nobody whose lease is over replace another', async () => {
      const { hub, app } = await start(
        { connectionsPerUser: 1 },
        {
          leaseUntil: ({ roles }: HeaderUser) =>
            roles.includes('expired') ? new Date(0) : undefined,
        },
      );
      const open = await SseTestClient.connect(app, '/events', as('ann'));
      const expired = await SseTestClient.connect(app, '/events', {
        headers: { 'x-user': 'ann', 'x-roles': 'expired' },
      });
      expect((await expired.next('hub.closed')).data).toEqual({
        reason: 'expired',
      });
      await expectOpen(hub, [open]);
    });

    it('is lifted by Infinity', async () => {
      const { hub, app } = await start({ connectionsPerUser: Infinity });
      const clients: SseTestClient[] = [];
      for (let n = 0; n < 40; n++) {
        clients.push(await SseTestClient.connect(app, '/events', as('ann')));
      }
      await expectOpen(hub, clients);
    });
  });

  describe('of a node', () => {
    it('sends away who comes, without the handler or a hook having run', async () => {
      const { hub, app } = await start({ connections: 2 });
      const open = [
        await SseTestClient.connect(app, '/events'),
        await SseTestClient.connect(app, '/events', as('ann')),
      ];
      for (const options of [undefined, as('ann'), as('bob')]) {
        const client = await SseTestClient.connect(app, '/events', options);
        await expectSentAway(client, 'overloaded');
        expect(client.received).toHaveLength(1);
      }
      expect(handled).toBe(2);
      await expectOpen(hub, open);
      expect(hooks).toEqual(['connected', 'connected']);
    });

    it('counts only who is there: who was sent away takes no place', async () => {
      const { hub, app } = await start({ connections: 1 });
      for (let n = 0; n < 3; n++) {
        const served = await SseTestClient.connect(app, '/events');
        const away = await Promise.all(
          Array.from({ length: 5 }, () =>
            SseTestClient.connect(app, '/events'),
          ),
        );
        for (const client of away) {
          await expectSentAway(client, 'overloaded');
        }
        await expectOpen(hub, [served]);
        await served.dropConnection();
      }
    });

    it('does not count who was sent away and is not gone yet', async () => {
      const warn = jest.spyOn(Logger.prototype, 'warn');
      const { hub, port, app } = await start({ connections: 2 });
      const leaves = await SseTestClient.connect(app, '/events');
      const wire = await WireClient.get(port, '/events');
      await eventually(() => hub.connections().length === 2);
      // Pipelined: its answer has to wait until the stream before it has ended.
      wire.send('GET', '/events');
      await eventually(() => warn.mock.calls.length > 0);
      await leaves.dropConnection();
      await eventually(() => hub.connections().length === 1);
      const client = await SseTestClient.connect(app, '/events');
      expect((await client.next(() => true)).type).toBe('hub.checkpoint');
    });

    it('counts who waits for his handler, and not whom it refused', async () => {
      const { hub, app, url } = await start({ connections: 1 });
      const missing = answer(`${url}/missing`);
      // Nothing announces that it has arrived, so ask until it counts.
      for (let isFull = false; !isFull;) {
        const client = await SseTestClient.connect(app, '/events');
        await client.until(() => client.received.length > 0);
        isFull = client.received[0]!.type === 'hub.closed';
        await client.dropConnection();
      }
      openGate();
      expect((await missing).status).toBe(404);
      await expectOpen(hub, [await SseTestClient.connect(app, '/events')]);
    });

    it('lets a user who makes room for himself in', async () => {
      const { hub, app } = await start({
        connections: 2,
        connectionsPerUser: 1,
      });
      const bob = await SseTestClient.connect(app, '/events', as('bob'));
      const old = await SseTestClient.connect(app, '/events', as('ann'));
      const young = await SseTestClient.connect(app, '/events', as('ann'));
      await expectSentAway(old, 'replaced');
      await expectOpen(hub, [bob, young]);
    });

    it('leaves a browser’s EventSource reconnecting', async () => {
      const { app, url } = await start({ connections: 1 });
      await SseTestClient.connect(app, '/events');
      const source = new EventSource(`${url}/events`);
      try {
        await new Promise((resolve) =>
          source.addEventListener('hub.closed', resolve),
        );
        await new Promise((resolve) =>
          source.addEventListener('error', resolve),
        );
        expect(source.readyState).toBe(EventSource.CONNECTING);
      } finally {
        source.close();
      }
    });

    it('is logged, once', async () => {
      const warn = jest.spyOn(Logger.prototype, 'warn');
      const { app } = await start({ connections: 1 });
      await SseTestClient.connect(app, '/events');
      for (let n = 0; n < 5; n++) {
        await (await SseTestClient.connect(app, '/events')).untilClosed();
      }
      const said = warn.mock.calls.filter(([message]) =>
        String(message).includes('limits.connections'),
      );
      expect(said).toHaveLength(1);
    });

    it('is not in the way of a shutdown, which tells clients the usual time', async () => {
      const { app } = await start({ connections: 1 });
      const client = await SseTestClient.connect(app, '/events');
      const closing = app.close();
      expect((await client.untilClosed()).clean).toBe(true);
      await closing;
      expect(client.retry).toBeLessThan(RETRY);
      expect(await settled(() => hooks.length)).toBe(2);
      expect(hooks).toEqual(['connected', 'shutdown']);
    });
  });
});
