import { Controller } from '@nestjs/common';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SqliteLog } from 'nestjs-sse-hub/sqlite';
import {
  SseTestClient,
  closeSseTestClients,
  evictHistory,
} from 'nestjs-sse-hub/testing';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { newFile, removeFolders } from './support/folders.js';
import { describeSqlite } from './support/sqlite-tests.js';

@Controller()
class TestController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['movies'], for: connection });
  }
}

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
  removeFolders();
});

describeSqlite('evictHistory on SqliteLog', () => {
  it('has the log drop what it keeps, so that who comes back is told', async () => {
    const [, adapter] = platforms[0]!;
    const { app, hub } = await startApp(adapter, {
      controllers: [TestController],
      options: { log: new SqliteLog({ file: newFile(), maxEvents: 100 }) },
    });
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
});
