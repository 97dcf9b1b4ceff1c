import type { EventLog } from 'nestjs-sse-hub';
import { SseTestClient, evictHistory } from 'nestjs-sse-hub/testing';
import { NumbersController } from './nodes.js';
import { platforms, startApp } from './running-app.js';

/** Evicts the history of an app on a log between two connects of a client. */
export async function expectReset(log: EventLog): Promise<void> {
  const [, adapter] = platforms[0]!;
  const { app, hub } = await startApp(adapter, {
    controllers: [NumbersController],
    options: { log },
  });
  const client = await SseTestClient.connect(app, '/plain');
  await hub.publish('numbers', { data: 'seen' });
  await client.settled();
  const cursor = client.lastEventId;
  await client.dropConnection();
  await evictHistory(app);
  await client.reconnect();
  await hub.publish('numbers', { data: 'later' });
  await client.settled();

  expect(client.resets).toEqual([{ reason: 'evicted', cursor }]);
  expect(client.data).toEqual(['seen', 'later']);
}
