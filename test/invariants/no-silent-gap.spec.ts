import { Controller } from '@nestjs/common';
import { NEVER, concatMap, map, of, tap } from 'rxjs';
import {
  Connection,
  EventHub,
  MemoryLog,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { RewritableLog } from '../support/rewritable-log.js';

@Controller()
class GapController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.hub
      .stream({ topics: ['numbers'], for: connection })
      .pipe(map((event) => event.with({ type: 'number' })));
  }

  /** The third cannot be processed, and the first is never done. */
  @Sse('stuck')
  stuck(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers'], for: connection }).pipe(
      tap(({ data }) => {
        if (data.n === 3) {
          throw new Error('I do not like it');
        }
      }),
      concatMap((event) => (event.data.n === 1 ? NEVER : of(event))),
    );
  }
}

const malformed = [
  'x',
  '-',
  'a-',
  '-a',
  'A-1',
  'a_b-1',
  'ü-1',
  'a-1'.padEnd(65, '1'),
  '*',
  "' OR 1=1",
];

describe.each(platforms)('Invariant 3, no silent gap (%s)', (_, adapter) => {
  afterEach(async () => {
    await closeSseTestClients();
    await closeApps();
  });

  const start = (options?: SseModuleOptions) =>
    startApp(adapter, { controllers: [GapController], options });

  /** Connects with a cursor and gives the reset notice with what follows it. */
  async function resetFor(
    url: string,
    cursor: string,
  ): Promise<{ reason: string; cursor: unknown }> {
    const client = await SseTestClient.connect(
      `${url}/events?lastEventId=${encodeURIComponent(cursor)}`,
    );
    const notice = await client.next((event) => event.type.startsWith('hub.'));
    expect([client.status, notice.type]).toEqual([200, 'hub.reset']);
    expect(notice.id).toMatch(/^[0-9a-z]+-[0-9a-z]+$/);
    await client.dropConnection();
    return notice.data as { reason: string; cursor: unknown };
  }

  it.each(malformed)(
    'tells a reset for the malformed cursor %j',
    async (cursor) => {
      const { url } = await start();
      expect(await resetFor(url, cursor)).toEqual({
        reason: 'malformed',
        cursor: null,
      });
    },
  );

  it('tells a reset for a cursor of this epoch that has another width', async () => {
    const { hub, url } = await start();
    expect((await resetFor(url, `${await hub.head()}0`)).reason).toBe(
      'malformed',
    );
  });

  it('tells a reset for a cursor of another epoch', async () => {
    const { hub, url } = await start();
    const cursor = `z${await hub.head()}`;
    expect(await resetFor(url, cursor)).toEqual({ reason: 'epoch', cursor });
  });

  it('tells a reset for a cursor that the log has not reached', async () => {
    const { hub, url } = await start();
    const cursor = (await hub.head()).replace(/.$/, '9');
    expect(await resetFor(url, cursor)).toEqual({ reason: 'unknown', cursor });
  });

  it('tells a reset for an evicted cursor, and none for the newest that is gone', async () => {
    const { hub, app, url } = await start({
      log: new MemoryLog({ maxEvents: 5 }),
    });
    const ids: string[] = [];
    for (let n = 1; n <= 12; n++) {
      ids.push((await hub.publish('numbers', { data: { n } })).id!);
    }
    expect(await resetFor(url, ids[5]!)).toEqual({
      reason: 'evicted',
      cursor: ids[5],
    });
    const client = await SseTestClient.connect(
      app,
      `/events?lastEventId=${ids[6]!}`,
    );
    await client.until(() => client.data.length === 5);
    expect(client.received[0]!.type).toBe('hub.checkpoint');
    expect(client.data.map(({ n }) => n as number)).toEqual([8, 9, 10, 11, 12]);
  });

  it('goes on live after a reset, from its fresh cursor', async () => {
    const { hub, app } = await start();
    await hub.publish('numbers', { data: { n: 1 } });
    const client = await SseTestClient.connect(app, '/events', {
      lastEventId: 'gone-1',
    });
    const { id } = await client.next('hub.reset');
    expect(id).toBe(await hub.head());
    await client.dropConnection();
    await client.untilClosed();
    await hub.publish('numbers', { data: { n: 2 } });
    await client.reconnect();
    expect(
      (await client.next((event) => event.type !== 'hub.checkpoint')).data,
    ).toEqual({ n: 2 });
    expect(client.data).toEqual([{ n: 2 }]);
  });

  it('is told in-stream when history changes under a live node', async () => {
    const log = new RewritableLog();
    const { hub, app } = await start({ log });
    await hub.publish('numbers', { data: { n: 1 } });
    const client = await SseTestClient.connect(app, '/events');
    const { id: before } = await client.next('hub.checkpoint');
    await log.rewrite();
    const notice = await client.next('hub.reset');
    expect(notice.data).toEqual({
      reason: 'history-changed',
      cursor: before,
    });
    await hub.publish('numbers', { data: { n: 2 } });
    const event = await client.next('number');
    expect(event.data).toEqual({ n: 2 });
    expect(event.id! > notice.id!).toBe(true);
    expect(event.id!.split('-')[0]).toBe(notice.id!.split('-')[0]);
  });

  it('is told when what a replay has not reached yet is evicted', async () => {
    const log = new RewritableLog();
    const { hub, app } = await start({ log, window: { events: 1 } });
    const ids: string[] = [];
    for (let n = 1; n <= 3; n++) {
      ids.push((await hub.publish('numbers', { data: { n } })).id!);
    }
    log.trimBeforeNextRead();
    const client = await SseTestClient.connect(
      app,
      `/events?lastEventId=${ids[0]!}`,
    );
    expect((await client.next('hub.reset')).data).toEqual({
      reason: 'evicted',
      cursor: ids[0],
    });
    await hub.publish('numbers', { data: { n: 4 } });
    await client.next('number');
    expect(client.data).toEqual([{ n: 4 }]);
  });

  it('is told when an event fails while older ones are in work, which can neither be sent nor replayed without it', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/stuck');
    const { id: before } = await client.next('hub.checkpoint');
    const ids: string[] = [];
    for (let n = 1; n <= 3; n++) {
      ids.push((await hub.publish('numbers', { data: { n } })).id!);
    }
    expect(await client.next('hub.reset')).toMatchObject({
      id: ids[2],
      data: { reason: 'skipped', cursor: before },
    });
    expect(await client.next('hub.error')).toMatchObject({
      id: ids[2],
      data: { skipped: true },
    });
    await client.untilClosed();
    await hub.publish('numbers', { data: { n: 4 } });
    await client.reconnect();
    await client.until(() => client.data.length === 1);
    expect(client.data).toEqual([{ n: 4 }]);
    expect(
      client.received.filter(({ type }) => type === 'hub.reset'),
    ).toHaveLength(1);
  });
});
