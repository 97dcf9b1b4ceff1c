import { Controller } from '@nestjs/common';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import {
  SseTestClient,
  SseTestException,
  closeSseTestClients,
  evictHistory,
} from 'nestjs-sse-hub/testing';
import { RedisLogs } from '../support/redis-logs.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

@Controller()
class TestController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['movies'], for: connection });
  }
}

const logs = new RedisLogs();

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
  await logs.dispose();
});

describe('evictHistory on RedisLog', () => {
  const [, adapter] = platforms[0]!;

  async function start(maxEvents: number) {
    const { url } = await logs.server();
    return startApp(adapter, {
      controllers: [TestController],
      options: { log: logs.log({ url, maxEvents }) },
    });
  }

  it('has the log drop what it keeps, so that who comes back is told', async () => {
    const { app, hub } = await start(100);
    const client = await SseTestClient.connect(app, '/events');
    await hub.publish('movies', { data: 'seen' });
    await client.settled();
    const cursor = client.lastEventId;
    await client.dropConnection();
    await evictHistory(app);
    await client.reconnect();
    await hub.publish('movies', { data: 'later' });
    await client.settled();

    expect(client.resets).toEqual([{ reason: 'evicted', cursor }]);
    expect(client.data).toEqual(['seen', 'later']);
  });

  it('says so when the log keeps too much for that', async () => {
    const { app } = await start(1_000_000);

    await expect(evictHistory(app)).rejects.toThrow(SseTestException);
  });
});
