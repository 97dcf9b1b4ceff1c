import { Controller, UseGuards } from '@nestjs/common';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { INestApplication } from '@nestjs/common';
import { NEVER } from 'rxjs';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { eventually } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

/** The shortest interval there is. */
const EVERY = 100;

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('Revalidation on %s', (_, adapter) => {
  @UseGuards(HeaderUserGuard)
  @Controller()
  class StreamsController {
    constructor(private readonly hub: EventHub) {}

    @Sse('events')
    events(@Connection() connection: SseConnection) {
      return this.hub.stream({ topics: ['news'], for: connection });
    }

    @Sse('silent')
    silent() {
      return NEVER;
    }
  }

  const start = (
    revalidate: SseModuleOptions['revalidate'],
    options: SseModuleOptions = {},
    configure?: (app: INestApplication) => unknown,
  ) =>
    startApp(adapter, {
      controllers: [StreamsController],
      options: { revalidate, revalidateEvery: EVERY, ...options },
      configure,
    });

  const as = (user: string) => ({ headers: { 'x-user': user } });

  it.each(['events', 'silent'])(
    'ends the streams of a user who may not stay, and nobody else’s (%s)',
    async (path) => {
      const banned = new Set<string>();
      const asked: string[] = [];
      const { hub, app } = await start(({ user }: SseConnection) => {
        asked.push(user.id as string);
        return !banned.has(user.id as string);
      });
      const ann = await SseTestClient.connect(app, `/${path}`, as('ann'));
      const bob = await SseTestClient.connect(app, '/events', as('bob'));
      await eventually(
        () => asked.filter((user) => user === 'ann').length >= 3,
      );
      expect(hub.connections()).toHaveLength(2);

      banned.add('ann');
      expect((await ann.next('hub.closed')).data).toEqual({
        reason: 'revoked',
      });
      expect((await ann.untilClosed()).clean).toBe(true);
      expect(ann.status).toBe(200);
      await hub.publish('news', { data: 'for bob' });
      expect((await bob.next()).data).toBe('for bob');
      expect(hub.connections()).toHaveLength(1);
    },
  );

  it.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['a text', () => 'true'],
    [
      'an exception',
      () => {
        throw new Error('the store is down');
      },
    ],
    ['a rejection', () => Promise.reject(new Error('the store is down'))],
    ['no answer', () => new Promise(() => undefined)],
  ])('counts %s as no', async (_name, answer) => {
    const { app } = await start(answer as never, { authorizationTimeout: 50 });
    const client = await SseTestClient.connect(app, '/events');
    expect((await client.next('hub.closed')).data).toEqual({
      reason: 'revoked',
    });
    expect((await client.untilClosed()).clean).toBe(true);
  });

  it('asks about so many at once, and about each in the end, while events go on', async () => {
    const CONNECTIONS = 9;
    const CONCURRENCY = 3;
    const asked = new Set<string>();
    const waiting: (() => void)[] = [];
    let most = 0;
    const { hub, app } = await start(
      ({ id }) => {
        asked.add(id);
        return new Promise<boolean>((resolve) => {
          waiting.push(() => resolve(true));
          most = Math.max(most, waiting.length);
        });
      },
      { revalidateConcurrency: CONCURRENCY },
    );
    const clients = await Promise.all(
      Array.from({ length: CONNECTIONS }, () =>
        SseTestClient.connect(app, '/events'),
      ),
    );
    await eventually(() => waiting.length === CONCURRENCY);
    await hub.publish('news', { data: 'meanwhile' });
    for (const client of clients) {
      expect((await client.next()).data).toBe('meanwhile');
    }
    await eventually(() => {
      for (const resolve of waiting.splice(0)) {
        resolve();
      }
      return asked.size === CONNECTIONS;
    });
    expect(most).toBe(CONCURRENCY);
    expect(hub.connections()).toHaveLength(CONNECTIONS);
  });

  it('goes on with the others when answers never come', async () => {
    const asked = new Set<string>();
    const { hub, app } = await start(
      ({ id, user }: SseConnection) => {
        asked.add(id);
        return user?.id === 'lost' ? new Promise(() => undefined) : true;
      },
      { revalidateConcurrency: 1, authorizationTimeout: 20 },
    );
    const lost = [
      await SseTestClient.connect(app, '/events', as('lost')),
      await SseTestClient.connect(app, '/events', as('lost')),
    ];
    await SseTestClient.connect(app, '/events');
    for (const client of lost) {
      await client.next('hub.closed');
    }
    await eventually(() => asked.size === 3);
    await eventually(() => hub.connections().length === 1);
  });

  it('does not ask in the async context of a request', async () => {
    const storage = new AsyncLocalStorage<string>();
    const stores: unknown[] = [];
    const { app } = await start(
      () => stores.push(storage.getStore()) > 0,
      {},
      (app) =>
        app.use((_request: unknown, _response: unknown, next: () => void) =>
          storage.run('a request', next),
        ),
    );
    await SseTestClient.connect(app, '/events');
    await eventually(() => stores.length >= 3);
    expect(new Set(stores)).toEqual(new Set([undefined]));
  });

  it('does not keep an application from closing', async () => {
    let asked = 0;
    const { app } = await start(() => {
      asked++;
      return new Promise(() => undefined);
    });
    const client = await SseTestClient.connect(app, '/events');
    await eventually(() => asked > 0);
    await app.close();
    expect((await client.untilClosed()).clean).toBe(true);
    expect(client.received.map(({ type }) => type)).not.toContain('hub.closed');
  });
});
