import { Controller } from '@nestjs/common';
import { concatMap, filter, map, take, tap, timer } from 'rxjs';
import {
  Connection,
  EventHub,
  MemoryLog,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { seededRandom } from '../support/random.js';
import { ResumingClient } from '../support/resuming-client.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

const isThird = (n: number): boolean => n % 3 === 0;

@Controller()
class NumbersController {
  constructor(private readonly hub: EventHub) {}

  @Sse('plain')
  plain(@Connection() connection: SseConnection) {
    return this.#stream(connection);
  }

  @Sse('where')
  where(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['numbers'],
      where: (event) => isThird(event.data.n),
      for: connection,
    });
  }

  @Sse('filter')
  filter(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      filter((event) => isThird(event.data.n)),
    );
  }

  @Sse('map')
  map(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      map(({ data }) => ({ type: 'mapped', data })),
    );
  }

  @Sse('concat-map')
  concatMap(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      concatMap(async (event) => event.with({ type: 'enriched' })),
    );
  }

  @Sse('overlapping')
  overlapping(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['numbers'],
      patterns: ['*', '**', 'numbers.**'],
      for: connection,
    });
  }

  @Sse('take-one')
  takeOne(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(take(1));
  }

  @Sse('close')
  close(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      tap(({ data }) => data.n === 2 && connection.close('two')),
    );
  }

  #stream(connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }
}

/** How far publishers may be ahead of a client: many times the window. */
const LEAD = 2_000;

const paths = ['plain', 'where', 'filter', 'map', 'concat-map', 'overlapping'];

/** What a client of a path must have got, from the first number that it saw. */
function expected(path: string, first: number, last: number): number[] {
  const all = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return path === 'where' || path === 'filter' ? all.filter(isThird) : all;
}

describe.each(platforms)(
  'Invariant 2, no loss, no double (%s)',
  (_, adapter) => {
    afterEach(async () => {
      await closeSseTestClients();
      await closeApps();
    });

    it('holds for 200 clients that connect, drop and resume at random at full speed', async () => {
      const seed = Date.now() % 2 ** 31;
      const random = seededRandom(seed);
      const { hub, url } = await startApp(adapter, {
        controllers: [NumbersController],
        options: {
          log: new MemoryLog({ maxEvents: 10_000_000, maxBytes: 2 ** 31 }),
          // Small, so that many resumes are served from the log's pages.
          window: { events: 256 },
        },
      });
      const clients = Array.from({ length: 200 }, (_unused, i) => {
        const path = paths[i % paths.length]!;
        return { path, client: new ResumingClient(`${url}/${path}`) };
      });
      await Promise.all(clients.map(({ client }) => client.connect()));

      let published = 0;
      const end = Date.now() + 3_000;
      const goesOn = () => Date.now() < end || published < 2_000;
      const publish = () =>
        hub.publish('numbers', { data: { n: ++published } });
      const slowest = () =>
        Math.min(...clients.map(({ client }) => client.last ?? published));
      const publishers = Array.from({ length: 4 }, async () => {
        while (goesOn()) {
          await Promise.all(Array.from({ length: 16 }, publish));
          // Every client gets all of it in this process, which may have little time for that.
          while (published - slowest() > LEAD && goesOn()) {
            await until(timer(1));
          }
        }
      });
      const droppers = clients.map(async ({ client }) => {
        for (let drops = 0; goesOn() || drops < 4; drops++) {
          await until(timer(random() * 500));
          client.drop();
          await until(timer(random() * 100));
          await client.connect();
        }
      });
      await Promise.all([...publishers, ...droppers]);
      // The last number is a third one, so that it reaches every path.
      const last = published + 3 - (published % 3);
      while (published < last) {
        await publish();
      }
      await Promise.all(
        clients.map(async ({ client }) => {
          while (client.last !== last) {
            await until(timer(10));
          }
        }),
      );

      for (const { path, client } of clients) {
        const message = `seed ${seed}, ${path}, ${client.connects} connects`;
        expect([message, client.resets]).toEqual([message, 0]);
        const wanted = expected(path, client.numbers[0]!, last);
        const firstWrong = client.numbers.findIndex((n, i) => n !== wanted[i]);
        expect([message, firstWrong, client.numbers.length]).toEqual([
          message,
          -1,
          wanted.length,
        ]);
      }
      expect(
        clients.reduce((sum, { client }) => sum + client.connects, 0),
      ).toBeGreaterThanOrEqual(1_000);
    });

    it('holds between a snapshot and the stream that continues it', async () => {
      const { hub, app } = await startApp(adapter, {
        controllers: [NumbersController],
      });
      const stored: number[] = [];
      const add = async (n: number): Promise<void> => {
        stored.push(n);
        await hub.publish('numbers', { data: { n } });
      };
      await add(1);
      const { data, cursor } = await hub.snapshot(async () => {
        await add(2);
        return [...stored];
      });
      await add(3);
      const client = await SseTestClient.connect(
        app,
        `/plain?lastEventId=${cursor}`,
      );
      await client.until(() => client.data.length === 2);
      expect(data).toEqual([1, 2]);
      expect(client.data).toEqual([{ n: 2 }, { n: 3 }]);
    });

    it('holds for an operator that completes with the event in work', async () => {
      const { hub, app } = await startApp(adapter, {
        controllers: [NumbersController],
      });
      const client = await SseTestClient.connect(app, '/take-one');
      for (let n = 1; n <= 2; n++) {
        await hub.publish('numbers', { data: { n } });
      }
      expect((await client.untilClosed()).clean).toBe(true);
      await client.reconnect();
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.data).toEqual([{ n: 1 }, { n: 2 }]);
      expect(client.received.at(-1)!.type).toBe('hub.complete');
    });

    it('holds for a handler that closes its connection on an event, which is not sent again', async () => {
      const { hub, app } = await startApp(adapter, {
        controllers: [NumbersController],
      });
      const client = await SseTestClient.connect(app, '/close');
      for (let n = 1; n <= 3; n++) {
        await hub.publish('numbers', { data: { n } });
      }
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.received.at(-1)).toMatchObject({
        type: 'hub.closed',
        data: { reason: 'two' },
      });
      await client.reconnect();
      await client.until(() => client.data.length === 2);
      expect(client.data).toEqual([{ n: 1 }, { n: 3 }]);
    });

    it('holds for a client that drops before its first event', async () => {
      const { hub, app } = await startApp(adapter, {
        controllers: [NumbersController],
      });
      const client = await SseTestClient.connect(app, '/plain');
      await client.next('hub.checkpoint');
      await client.dropConnection();
      await hub.publish('numbers', { data: { n: 1 } });
      await client.reconnect();
      expect((await client.next()).data).toEqual({ n: 1 });
    });
  },
);

function until(waiting: ReturnType<typeof timer>): Promise<void> {
  return new Promise((resolve) => waiting.subscribe(() => resolve()));
}
