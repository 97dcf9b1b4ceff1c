import { Controller, Post, UseGuards } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Connection,
  EventHub,
  LogUnavailableException,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SqliteFileException, SqliteLog } from 'nestjs-sse-hub/sqlite';
import type { SqliteLogOptions } from 'nestjs-sse-hub/sqlite';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { freePort } from '../support/free-port.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { seededRandom } from '../support/random.js';
import { ResumingClient } from '../support/resuming-client.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import type { RunningApp } from '../support/running-app.js';
import { newFile, removeFolders } from './support/folders.js';
import { retained, withLog } from './support/open-logs.js';
import { dataOf } from './support/records.js';
import { describeSqlite } from './support/sqlite-tests.js';

@Controller()
@UseGuards(HeaderUserGuard)
class NumbersController {
  constructor(private readonly hub: EventHub) {}

  @Sse('numbers')
  numbers(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Sse('last-two')
  lastTwo(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['numbers'],
      rewind: 2,
      for: connection,
    });
  }

  @Sse('all')
  all(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['numbers'],
      rewind: 'all',
      for: connection,
    });
  }

  @Post('numbers')
  publish() {
    return this.hub.publish('numbers', { data: { n: 0 } });
  }
}

async function publish(hub: EventHub, ...numbers: number[]) {
  for (const n of numbers) {
    await hub.publish('numbers', { data: { n } });
  }
}

const numbersOf = (data: readonly unknown[]) =>
  data.map((one) => (one as { n: number }).n);

describeSqlite('A client of an app with a SqliteLog', () => {
  describe.each(platforms)('(%s)', (_, adapter) => {
    afterEach(async () => {
      await closeSseTestClients();
      await closeApps();
      removeFolders();
    });

    it('resumes by its cursor where it was, after the app was started again', async () => {
      const file = newFile();
      const first = await start(adapter, { file });
      const client = await SseTestClient.connect(first.app, '/numbers');
      await publish(first.hub, 1, 2);
      await client.until(() => client.data.length === 2);
      await client.dropConnection();
      await publish(first.hub, 3);
      await first.app.close();

      const second = await start(adapter, { file }, first.port);
      await publish(second.hub, 4);
      await client.reconnect();
      await publish(second.hub, 5);
      await client.until(() => client.data.length === 5);

      expect(numbersOf(client.data)).toEqual([1, 2, 3, 4, 5]);
      expect(client.received.map(({ type }) => type)).not.toContain(
        'hub.reset',
      );
    });

    it('resumes out of the file when it is older than the window', async () => {
      const file = newFile();
      const window = { events: 4 };
      const first = await start(adapter, { file }, undefined, { window });
      const client = await SseTestClient.connect(first.app, '/numbers');
      await publish(first.hub, 1);
      await client.until(() => client.data.length === 1);
      await client.dropConnection();
      const missed = Array.from({ length: 600 }, (_unused, i) => i + 2);
      await Promise.all(missed.map((n) => publish(first.hub, n)));
      await first.app.close();

      await start(adapter, { file }, first.port, { window });
      await client.reconnect();
      await client.until(() => client.data.length === 601);

      expect(numbersOf(client.data)).toEqual([1, ...missed]);
      expect(client.received.map(({ type }) => type)).not.toContain(
        'hub.reset',
      );
    });

    it('is told when what it missed was trimmed meanwhile', async () => {
      const file = newFile();
      const first = await start(adapter, { file, maxEvents: 2 });
      const client = await SseTestClient.connect(first.app, '/numbers');
      await publish(first.hub, 1);
      await client.until(() => client.data.length === 1);
      await client.dropConnection();
      await publish(first.hub, 2, 3, 4);
      await first.app.close();

      await start(adapter, { file, maxEvents: 2 }, first.port);
      await client.reconnect();
      const reset = await client.next('hub.reset');

      expect(reset.data).toMatchObject({ reason: 'evicted' });
    });

    it('that is new gets what a process before this one has published', async () => {
      const file = newFile();
      const first = await start(adapter, { file });
      await publish(first.hub, 1, 2, 3);
      await first.app.close();

      const { app, hub } = await start(adapter, { file });
      const two = await SseTestClient.connect(app, '/last-two');
      const all = await SseTestClient.connect(app, '/all');
      await publish(hub, 4);
      await two.until(() => two.data.length === 3);
      await all.until(() => all.data.length === 4);

      expect(numbersOf(two.data)).toEqual([2, 3, 4]);
      expect(numbersOf(all.data)).toEqual([1, 2, 3, 4]);
    });

    it('gets nothing of a revocation that came just before the end, which is kept in its place', async () => {
      const file = newFile();
      const first = await start(adapter, { file });
      const ada = await SseTestClient.connect(first.app, '/numbers', {
        headers: { 'x-user': 'ada' },
      });
      const ben = await SseTestClient.connect(first.app, '/numbers', {
        headers: { 'x-user': 'ben' },
      });
      await publish(first.hub, 1);
      await first.hub.disconnect({ user: 'ada' }, 'signed-out');
      expect((await ada.next('hub.closed')).text).toContain('signed-out');
      await ben.until(() => ben.data.length === 1);
      await first.app.close();
      const types = await withLog({ file }, async (log) =>
        (await retained(log)).map(({ type }) => type),
      );
      expect(types).toEqual(['message', 'hub.disconnect']);

      const second = await start(adapter, { file }, first.port);
      await ben.reconnect();
      await publish(second.hub, 2);
      await ben.until(() => ben.data.length === 2);
      expect(numbersOf(ben.data)).toEqual([1, 2]);
      await second.hub.disconnect({ user: 'ben' });
      expect((await ben.next('hub.closed')).text).toContain('revoked');
    });

    it('gets an event once that is published again with its key after a restart', async () => {
      const file = newFile();
      const event = { data: { n: 1 }, idempotencyKey: 'one' };
      const first = await start(adapter, { file });
      const { id } = await first.hub.publish('numbers', event);
      await first.app.close();

      const { hub, app } = await start(adapter, { file });
      expect((await hub.publish('numbers', event)).id).toBe(id);
      await publish(hub, 2);
      const client = await SseTestClient.connect(app, '/all');
      await client.until(() => client.data.length === 2);
      expect(numbersOf(client.data)).toEqual([1, 2]);
    });

    it('stays connected when the file is gone, is told so, and goes on; who publishes gets 503', async () => {
      const file = newFile();
      const { app, url, hub } = await start(adapter, { file });
      const client = await SseTestClient.connect(app, '/numbers');
      await publish(hub, 1);
      await client.until(() => client.data.length === 1);
      rmSync(file);
      const response = await fetch(`${url}/numbers`, { method: 'POST' });
      expect(response.status).toBe(503);
      expect(await response.text()).not.toContain(file);

      const reset = await client.next('hub.reset');
      expect(reset.data).toMatchObject({
        reason: 'history-changed',
      });
      await publish(hub, 2);
      await client.until(() => client.data.length === 2);
      expect(numbersOf(client.data)).toEqual([1, 2]);
      expect(client.lastEventId).toBe(await hub.head());
    });

    it('cannot connect to an app whose file another process has: it does not start', async () => {
      const file = newFile();
      await start(adapter, { file });
      const second = start(adapter, { file, lockTimeout: 0 });
      await expect(second).rejects.toThrow(SqliteFileException);
    });

    it('and ninety-nine others miss nothing and get nothing twice while the app is started again and again', async () => {
      const seed = Date.now() % 2 ** 31;
      const random = seededRandom(seed);
      const options = { file: newFile(), maxEvents: 1_000_000 };
      let running = await start(adapter, options);
      const { port, url } = running;
      const clients = Array.from(
        { length: 100 },
        () => new ResumingClient(`${url}/numbers`),
      );
      await Promise.all(clients.map((client) => client.connect()));
      const acknowledged: number[] = [];
      let next = 1;
      let over = false;
      const publishers = Array.from({ length: 8 }, async () => {
        while (!over) {
          const n = next++;
          const isThere = await publish(running.hub, n).then(
            () => true,
            (error: unknown) => {
              expect(error).toBeInstanceOf(LogUnavailableException);
              return false;
            },
          );
          if (isThere) {
            acknowledged.push(n);
          } else {
            await delay(10);
          }
        }
      });
      for (let restarts = 0; restarts < 4; restarts++) {
        await delay(random() * 500);
        await running.app.close();
        running = await start(adapter, options, port);
        await Promise.all(
          clients.map(async (client) => {
            await delay(random() * 300);
            await client.connect();
          }),
        );
      }
      over = true;
      await Promise.all(publishers);
      const last = next;
      await publish(running.hub, last);
      while (clients.some((client) => client.last !== last)) {
        await delay(10);
      }
      await running.app.close();

      const history = await withLog(options, async (log) =>
        numbersOf(dataOf(await retained(log))),
      );
      const kept = new Set(history);
      expect([seed, kept.size]).toEqual([seed, history.length]);
      expect([seed, acknowledged.filter((n) => !kept.has(n))]).toEqual([
        seed,
        [],
      ]);
      for (const { numbers, resets } of clients) {
        const wanted = history.slice(history.indexOf(numbers[0]!));
        const wrong = numbers.findIndex((n, i) => n !== wanted[i]);
        expect([seed, resets, wrong, numbers.length]).toEqual([
          seed,
          0,
          -1,
          wanted.length,
        ]);
      }
    });
  });
});

async function start(
  adapter: () => AbstractHttpAdapter,
  log: SqliteLogOptions,
  port?: number,
  more: SseModuleOptions = {},
): Promise<RunningApp> {
  return startApp(adapter, {
    controllers: [NumbersController],
    options: { log: new SqliteLog(log), ...more },
    port: port ?? (await freePort()),
  });
}
