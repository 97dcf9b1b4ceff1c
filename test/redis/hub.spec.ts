import { Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { TestingModule } from '@nestjs/testing';
import { EventHub, SseModule } from 'nestjs-sse-hub';
import type { HubEvent } from 'nestjs-sse-hub';
import { eventually } from '../support/eventually.js';
import { RedisLogs } from '../support/redis-logs.js';
import type { RedisServer } from '../support/redis-server.js';

const logs = new RedisLogs();
const nodes: TestingModule[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  await logs.dispose();
});

/** A node of an application, and what its hub has dispatched. */
async function start(server: RedisServer) {
  const node = await Test.createTestingModule({
    imports: [SseModule.forRoot({ log: logs.log({ url: server.url }) })],
  }).compile();
  // What is logged while the server is away is expected here.
  Logger.overrideLogger(false);
  nodes.push(node);
  await node.init();
  const hub = node.get(EventHub);
  const heard: HubEvent[] = [];
  hub
    .listen({ topics: ['movies'] })
    .subscribe((event: HubEvent) => heard.push(event));
  await hub.head();
  return { hub, heard };
}

describe('Hubs over one RedisLog', () => {
  it('dispatch the events of all, in one order, and ephemeral ones', async () => {
    const server = await logs.server();
    const [a, b] = await Promise.all([start(server), start(server)]);
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        (i % 2 ? a : b).hub.publish('movies', { data: i }),
      ),
    );
    await eventually(() => a.heard.length === 50 && b.heard.length === 50);
    await a.hub.publish('movies', { data: 'now', ephemeral: true });
    await eventually(() => a.heard.length === 51 && b.heard.length === 51);

    expect(a.heard.map(({ id }) => id)).toEqual(b.heard.map(({ id }) => id));
    expect(b.heard.at(-1)).toMatchObject({ data: 'now', id: undefined });
  });

  it('go on in another history, and dispatch nothing of the log itself', async () => {
    const server = await logs.server();
    const [a, b] = await Promise.all([start(server), start(server)]);
    await a.hub.publish('movies', { data: 'kept' });
    await server.save();
    await a.hub.publish('movies', { data: 'lost' });
    await eventually(() => a.heard.length === 2 && b.heard.length === 2);
    await server.rollBack();
    await a.hub.publish('movies', { data: 'after a fail-over' });
    await eventually(() => a.heard.length === 3 && b.heard.length === 3);
    await server.flushAll();
    const { id } = await b.hub.publish('movies', { data: 'after a flush' });
    await eventually(() => a.heard.length === 4 && b.heard.length === 4);

    for (const { heard } of [a, b]) {
      expect(heard.map(({ data }) => data as unknown)).toEqual([
        'kept',
        'lost',
        'after a fail-over',
        'after a flush',
      ]);
      expect(heard[3]!.id).toBe(id);
    }
    expect(await a.hub.head()).toBe(id);
  });
});
