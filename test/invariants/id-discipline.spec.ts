import { Controller } from '@nestjs/common';
import { interval, map, merge, mergeMap, of, pairwise, take } from 'rxjs';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { closeApps, platforms, startApp } from '../support/running-app.js';

@Controller()
class IdController {
  constructor(private readonly hub: EventHub) {}

  @Sse('plain')
  plain(@Connection() connection: SseConnection) {
    return this.#stream(connection);
  }

  @Sse('own-ids')
  ownIds(@Connection() connection: SseConnection) {
    return merge(
      this.#stream(connection),
      interval(1).pipe(
        take(3),
        map((i) => ({ id: String(i + 1), data: { own: i } })),
      ),
    );
  }

  @Sse('several')
  several(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      mergeMap((event) =>
        of(event.with({ data: 'first' }), { data: 'second' }),
      ),
    );
  }

  @Sse('backwards')
  backwards(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      pairwise(),
      mergeMap(([earlier, later]) => of(later, earlier)),
    );
  }

  #stream(connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }
}

describe.each(platforms)('Invariant 4, id discipline (%s)', (_, adapter) => {
  afterEach(async () => {
    await closeSseTestClients();
    await closeApps();
  });

  const start = () =>
    startApp(adapter, {
      controllers: [IdController],
      options: { heartbeat: 100 },
    });

  it('gives every event its cursor, which is ASCII without CR, LF and NUL', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/plain');
    const { id } = await hub.publish('numbers', {
      type: 'ünï',
      data: 'a\r\nb\nc\rd\0',
    });
    expect(await client.next()).toEqual({
      type: 'ünï',
      id,
      data: 'a\nb\nc\nd\0',
    });
    expect(id).toMatch(/^[0-9a-z]+-[0-9a-z]+$/);
    expect(id!.length).toBeLessThanOrEqual(64);
  });

  it('gives comments and ephemeral events none, so they do not move the cursor', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/plain');
    const { id } = await hub.publish('numbers', { data: 1 });
    await client.next();
    const ephemeral = await hub.publish('numbers', {
      data: 2,
      ephemeral: true,
    });
    await client.next();
    await client.until(() => client.comments.length > 0);
    expect(ephemeral.id).toBeUndefined();
    expect(client.events.map((event) => event.id)).toEqual([id, undefined]);
    expect(client.lastEventId).toBe(id);
    await client.dropConnection();
    await client.reconnect();
    await hub.publish('numbers', { data: 3 });
    await client.next();
    expect(client.data).toEqual([1, 2, 3]);
  });

  it('leaves out ids of an app’s own on a hub stream', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/own-ids');
    await client.until(() => client.events.length === 3);
    expect(client.events.map((event) => event.id)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const { id } = await hub.publish('numbers', { data: 1 });
    await client.next((event) => event.data === 1);
    expect(client.lastEventId).toBe(id);
  });

  it('gives the id to the last of several frames of one event', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/several');
    const { id } = await hub.publish('numbers', { data: 1 });
    await client.until(() => client.events.length === 2);
    expect(client.events).toEqual([
      { type: 'message', id: undefined, data: 'first' },
      { type: 'message', id, data: 'second' },
    ]);
  });

  it('never lets an id go backwards', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/backwards');
    const ids: (string | undefined)[] = [];
    for (let n = 1; n <= 3; n++) {
      ids.push((await hub.publish('numbers', { data: n })).id);
    }
    await client.until(() => client.events.length === 4);
    expect(client.events.map(({ id, data }) => [id, data])).toEqual([
      [ids[1], 2],
      [undefined, 1],
      [ids[2], 3],
      [undefined, 2],
    ]);
  });
});
