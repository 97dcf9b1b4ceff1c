import { Controller, UseGuards } from '@nestjs/common';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import {
  SseTestClient,
  closeSseTestClients,
  evictHistory,
  expireLease,
} from 'nestjs-sse-hub/testing';
import { NEVER } from 'rxjs';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import type { RunningApp } from '../support/running-app.js';
import { SlowLog } from './support/slow-log.js';

@Controller()
@UseGuards(HeaderUserGuard)
class TestController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['movies'],
      rewind: 'all',
      for: connection,
    });
  }

  @Sse('never')
  never() {
    return NEVER;
  }
}

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('On %s', (_, adapter) => {
  let running: RunningApp;

  beforeEach(async () => {
    running = await startApp(adapter, {
      controllers: [TestController],
      options: { log: new SlowLog() },
    });
  });

  const connect = (user?: string, path = '/events') =>
    SseTestClient.connect(running.app, path, {
      headers: user === undefined ? {} : { 'x-user': user },
    });
  const publish = (data: unknown) => running.hub.publish('movies', { data });

  describe('evictHistory', () => {
    it.each(['app', 'hub'] as const)(
      'of the %s has who comes back told of the gap, and others go on',
      async (target) => {
        const client = await connect();
        const open = await connect();
        await publish('seen');
        await client.settled();
        const cursor = client.lastEventId;
        await client.dropConnection();
        await publish('missed');
        await evictHistory(running[target]);
        await client.reconnect();
        await publish('later');
        await client.settled();
        await open.settled();

        expect(client.resets).toEqual([{ reason: 'evicted', cursor }]);
        expect(client.data).toEqual(['seen', 'later']);
        expect(open.data).toEqual(['seen', 'missed', 'later']);
        expect(open.resets).toEqual([]);
      },
    );

    it('has also told who had missed nothing, and leaves nothing to rewind to', async () => {
      const client = await connect();
      await publish('seen');
      await client.settled();
      await evictHistory(running.app);
      await client.reconnect();
      const fresh = await connect();
      await fresh.expectNone();
      await client.settled();

      expect(client.resets).toHaveLength(1);
      expect(fresh.resets).toEqual([]);
      // A cursor of the history that follows holds.
      await client.reconnect();
      await client.settled();
      expect(client.resets).toHaveLength(1);
    });

    it('is over when what was published without waiting is gone too', async () => {
      const client = await connect();
      void publish('lost');
      await evictHistory(running.app);
      const fresh = await connect();
      await fresh.expectNone();
      await client.settled();

      expect(client.data).toEqual(['lost']);
    });
  });

  describe('expireLease', () => {
    it.each(['/events', '/never'])('ends the stream of %s', async (path) => {
      const client = await connect('ann', path);
      const other = await connect('ann', path);

      expect(await expireLease(client)).toEqual({
        how: 'closed',
        reason: 'expired',
        clean: true,
      });
      expect(other.closed).toBeUndefined();
      await expect(expireLease(client)).rejects.toThrow(
        `GET ${path} (200, was closed by the server (hub.closed, expired)) is no open stream`,
      );
    });

    it('ends those of a user', async () => {
      const [one, two, other] = await Promise.all(
        ['7', '7', '8'].map((user) => connect(user)),
      );

      expect(await expireLease(running.app, { user: 7 })).toBe(2);
      for (const client of [one!, two!]) {
        expect((await client.untilClosed()).reason).toBe('expired');
      }
      await other!.settled();
      expect(other!.closed).toBeUndefined();
      await expect(expireLease(running.app, { user: 7 })).rejects.toThrow(
        'no open stream of user 7',
      );
    });

    it('ends that of a connection', async () => {
      const client = await connect('ann');
      const [connection] = running.hub.connections();

      expect(await expireLease(running.app, connection!)).toBe(1);
      expect((await client.untilClosed()).reason).toBe('expired');
    });

    it('lets nothing out that comes later, and the client in again', async () => {
      const client = await connect('ann');
      const ended = expireLease(client);
      await publish('missed');
      await ended;
      expect(client.data).toEqual([]);
      await client.reconnect();

      expect((await client.next()).data).toBe('missed');
    });
  });
});
