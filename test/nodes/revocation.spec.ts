import { Controller, Injectable, UseGuards } from '@nestjs/common';
import type { CanActivate } from '@nestjs/common';
import { jest } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  Connection,
  EventHub,
  LogUnavailableException,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { engines } from '../support/engines.js';
import type { Engine } from '../support/engines.js';
import { eventually, settled } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import type { RunningApp } from '../support/running-app.js';
import { withLateEntries } from '../support/late-entries.js';

jest.setTimeout(60_000);

/** Requests that a guard has let through, on their way. */
let onTheirWay: (() => void)[] = [];
let isSlow = false;

@Injectable()
class SlowGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    if (isSlow) {
      await new Promise<void>((resolve) => onTheirWay.push(resolve));
    }
    return true;
  }
}

@UseGuards(HeaderUserGuard, SlowGuard)
@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('news')
  news(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['news', 'rooms.1'],
      rewind: 'all',
      for: connection,
    });
  }

  @Sse('other')
  other(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['news'], for: connection });
  }
}

const as = (user: string, roles = '') => ({
  headers: { 'x-user': user, 'x-roles': roles },
});

const goOn = (): void => {
  isSlow = false;
  onTheirWay.splice(0).forEach((resolve) => resolve());
};

afterEach(async () => {
  goOn();
  await closeSseTestClients();
  await closeApps();
});

const startOn = (
  log: SseModuleOptions['log'],
  adapter: (typeof platforms)[number][1],
  options: SseModuleOptions = {},
) =>
  startApp(adapter, {
    controllers: [StreamsController],
    options: { ...options, log },
  });

async function open(
  { app }: RunningApp,
  user: ReturnType<typeof as>,
  path = 'news',
): Promise<SseTestClient> {
  const client = await SseTestClient.connect(app, `/${path}`, user);
  await client.next('hub.checkpoint');
  return client;
}

const textsOf = (client: SseTestClient): string[] =>
  client.events.map(({ data }) => data);

/** How a stream ended, and that it did. */
async function reasonOf(client: SseTestClient): Promise<string> {
  await client.untilClosed();
  const { data } = client.received.at(-1)!;
  return (data as { reason: string }).reason;
}

describe.each(engines)('Over nodes that share %s', (_, startEngine) => {
  let engine: Engine;

  beforeEach(async () => {
    engine = await startEngine();
  });

  afterEach(async () => {
    goOn();
    await closeApps();
    await engine.dispose();
  });

  describe.each(platforms)('on %s,', (__, adapter) => {
    const start = (options?: SseModuleOptions, timeout?: number) =>
      startOn(engine.log(timeout), adapter, options);

    it('hub.disconnect ends streams of all nodes at its place in the log', async () => {
      const [a, b, c] = await Promise.all([start(), start(), start()]);
      const meant = await Promise.all(
        [a, b, c].map((node) => open(node, as('ann'))),
      );
      const others = await Promise.all(
        [a, b, c].map((node) => open(node, as('bob'))),
      );
      // All nodes publish at full speed meanwhile.
      let goesOn = true;
      let published = 0;
      const publishers = [a, b, c].map(async ({ hub }) => {
        while (goesOn) {
          await hub.publish('news', { data: ++published });
        }
      });
      await eventually(() =>
        meant.every((client) => textsOf(client).length > 20),
      );
      await a.hub.disconnect({ user: 'ann' }, 'signed-out');
      const later = await Promise.all(
        [a, b, c].map(({ hub }) => hub.publish('news', { data: 'later' })),
      );
      goesOn = false;
      await Promise.all(publishers);
      const last = await c.hub.publish('news', { data: 'last' });

      const firstLater = later.map(({ id }) => id!).sort()[0]!;
      for (const client of meant) {
        expect(await reasonOf(client)).toBe('signed-out');
        const ids = client.events.map(({ id }) => id!);
        expect(ids.length).toBeGreaterThan(20);
        expect(ids.at(-1)! < firstLater).toBe(true);
        expect(textsOf(client)).not.toContain('later');
      }
      for (const client of others) {
        await client.until(() => textsOf(client).includes('last'));
        expect(textsOf(client)).toHaveLength(published + 4);
        expect(client.lastEventId).toBe(last.id);
      }
    });

    it('hub.disconnect of a connection or a topic finds it on another node', async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const [one, two, three] = [
        await open(b, as('ann')),
        await open(b, as('ann')),
        await open(b, as('ann'), 'other'),
      ];
      const [first] = b.hub.connections();
      await a.hub.disconnect({ connection: first!.id }, 'kicked');
      expect(await reasonOf(one)).toBe('kicked');
      await a.hub.disconnect({ topic: 'rooms.1', user: 'ann' }, 'room-closed');
      expect(await reasonOf(two)).toBe('room-closed');
      await a.hub.publish('news', { data: 'still here' });
      expect((await three.next()).data).toBe('still here');
    });

    it('hub.disconnect meets a request that a guard of another node has let through', async () => {
      const [a, b] = await Promise.all([start(), start()]);
      isSlow = true;
      const late = [as('ann'), as('bob')].map((user) =>
        SseTestClient.connect(b.app, '/news', user),
      );
      await eventually(() => onTheirWay.length === 2);
      await a.hub.disconnect({ user: 'ann' }, 'signed-out');
      const { id } = await a.hub.publish('news', { data: 'later' });
      await eventuallyMet(b, id!);
      goOn();
      const [ann, bob] = await Promise.all(late);
      expect(await reasonOf(ann!)).toBe('signed-out');
      expect(ann!.events).toEqual([]);
      expect((await bob!.next()).data).toBe('later');
      // Whom a guard lets through from now on it lets through.
      const again = await open(b, as('ann'));
      expect((await again.next()).data).toBe('later');
    });

    it('hub.refresh has each node load the users who are connected to it', async () => {
      const asked: string[] = [];
      let roles = ['editor'];
      const options = (node: string): SseModuleOptions => ({
        loadUser: (id) => {
          asked.push(`${node} ${id}`);
          return Promise.resolve({ id, roles });
        },
      });
      const [a, b, c] = await Promise.all(
        ['a', 'b', 'c'].map((name) => start(options(name))),
      );
      const clients = [
        await open(a!, as('ann', 'editor')),
        await open(b!, as('ann', 'editor')),
        await open(b!, as('ann', 'editor')),
      ];
      await open(c!, as('bob', 'editor'));
      const toEditors = (node: RunningApp, data: string) =>
        node.hub.publish('news', { data, roles: ['editor'] });
      await toEditors(c!, 'before');
      roles = [];
      await c!.hub.refresh({ user: 'ann' });
      await toEditors(b!, 'hidden');
      await b!.hub.publish('news', { data: 'for all' });
      for (const client of clients) {
        await client.until(() => textsOf(client).length === 2);
      }
      roles = ['editor'];
      await a!.hub.refresh({ user: 'ann' });
      await toEditors(a!, 'after');
      for (const client of clients) {
        await client.until(() => textsOf(client).length === 3);
        expect(textsOf(client)).toEqual(['before', 'for all', 'after']);
      }
      expect(asked.sort()).toEqual(['a ann', 'a ann', 'b ann', 'b ann']);
    });

    it('hub.refresh ends the streams of a user who is no more, also one on its way', async () => {
      const options = { loadUser: () => Promise.resolve(undefined) };
      const [a, b] = await Promise.all([start(options), start(options)]);
      const open1 = await open(b, as('ann'));
      isSlow = true;
      const late = SseTestClient.connect(b.app, '/news', as('ann'));
      await eventually(() => onTheirWay.length === 1);
      await a.hub.refresh({ user: 'ann' });
      await a.hub.publish('news', { data: 'later' });
      expect(await reasonOf(open1)).toBe('revoked');
      goOn();
      const client = await late;
      expect(await reasonOf(client)).toBe('revoked');
      expect(client.events).toEqual([]);
    });

    it('an ephemeral event does not overtake hub.disconnect on its way to another node', async () => {
      const [a, b] = await Promise.all([start(), start()]);
      for (let round = 0; round < 15; round++) {
        const ann = await open(b, as('ann'), 'other');
        const bob = await open(b, as('bob'), 'other');
        await a.hub.publish('news', { data: 'before', ephemeral: true });
        expect((await ann.next()).data).toBe('before');
        await a.hub.disconnect({ user: 'ann' });
        await a.hub.publish('news', { data: 'secret', ephemeral: true });
        await bob.until(() => textsOf(bob).includes('secret'));
        expect(await reasonOf(ann)).toBe('revoked');
        expect(textsOf(ann)).toEqual(['before']);
        await bob.dropConnection();
      }
    });

    it('while the engine is away nothing is said to be done, and streams stay', async () => {
      const [a, b] = await Promise.all([start({}, 1_000), start({}, 1_000)]);
      const client = await open(b, as('ann'));
      await engine.goAway();
      await expect(a.hub.disconnect({ user: 'ann' })).rejects.toThrow(
        LogUnavailableException,
      );
      expect(client.received.map(({ type }) => type)).toEqual([
        'hub.checkpoint',
      ]);
      await engine.comeBack();
      await untilTaken(() => a.hub.disconnect({ user: 'ann' }, 'signed-out'));
      expect(await reasonOf(client)).toBe('signed-out');
    });
  });
});

describe.each(engines)(
  'A node that shares %s and is behind',
  (_, startEngine) => {
    const [, adapter] = platforms[0]!;
    let engine: Engine;

    beforeEach(async () => {
      engine = await startEngine();
    });

    afterEach(async () => {
      await closeApps();
      await engine.dispose();
    });

    /** A node whose entries come late, with two who listen, and one that is not behind. */
    async function start() {
      const late = withLateEntries(engine.log());
      const [behind, ahead] = [
        await startOn(late.log, adapter),
        await startOn(engine.log(), adapter),
      ];
      const heard: string[] = [];
      // Everything reaches the streams in the turn in which it reaches this.
      behind.hub
        .listen<string>({ topics: ['news'] })
        .subscribe(({ data }) => heard.push(data as string));
      const ann = await open(behind, as('ann'), 'other');
      const bob = await open(behind, as('bob'), 'other');
      late.hold();
      return { ...late, behind, ahead, heard, ann, bob };
    }

    it('hands on no ephemeral event before the hub.disconnect that it was published behind', async () => {
      const { ahead, release, heard, ann, bob } = await start();
      await ahead.hub.publish('news', { data: 'before', ephemeral: true });
      await ann.next();
      await ahead.hub.disconnect({ user: 'ann' });
      for (const data of ['typing', 'still typing']) {
        await ahead.hub.publish('news', { data, ephemeral: true });
      }
      await settled(() => heard.length, 200);
      expect(heard).toEqual(['before']);
      await ahead.hub.publish('news', { data: 'typed' });
      release();
      await bob.until(() => textsOf(bob).length === 4);
      expect(await reasonOf(ann)).toBe('revoked');
      expect(textsOf(ann)).toEqual(['before']);
      expect(textsOf(bob).slice(0, 3)).toEqual([
        'before',
        'typing',
        'still typing',
      ]);
    });

    it('nor of a node that has started behind it', async () => {
      const { ahead, release, heard, ann, bob } = await start();
      await ahead.hub.disconnect({ user: 'ann' });
      const { hub } = await startOn(engine.log(), adapter);
      await hub.publish('news', { data: 'typing', ephemeral: true });
      await settled(() => heard.length, 200);
      expect(heard).toEqual([]);
      release();
      expect((await bob.next()).data).toBe('typing');
      expect(await reasonOf(ann)).toBe('revoked');
      expect(textsOf(ann)).toEqual([]);
    });
  },
);

/** Waits until a node has met an entry. */
async function eventuallyMet({ hub }: RunningApp, id: string): Promise<void> {
  while ((await hub.head()) < id) {
    await nextTurn();
  }
}

/** Does it again until the engine is back. */
async function untilTaken(action: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await action();
      return;
    } catch (error) {
      expect(error).toBeInstanceOf(LogUnavailableException);
    }
  }
}
