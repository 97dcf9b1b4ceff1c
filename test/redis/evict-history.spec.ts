import {
  SseTestException,
  closeSseTestClients,
  evictHistory,
} from 'nestjs-sse-hub/testing';
import { expectReset } from '../support/evicted-history.js';
import { RedisLogs } from '../support/redis-logs.js';
import { closeApps, startApp, platforms } from '../support/running-app.js';

const logs = new RedisLogs();

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
  await logs.dispose();
});

describe('evictHistory on RedisLog', () => {
  it('has the log drop what it keeps, so that who comes back is told', async () => {
    const { url } = await logs.server();
    await expectReset(logs.log({ url, maxEvents: 100 }));
  });

  it('says so when the log keeps too much for that', async () => {
    const { url } = await logs.server();
    const [, adapter] = platforms[0]!;
    const { app } = await startApp(adapter, {
      options: { log: logs.log({ url, maxEvents: 1_000_000 }) },
    });

    await expect(evictHistory(app)).rejects.toThrow(SseTestException);
  });
});
