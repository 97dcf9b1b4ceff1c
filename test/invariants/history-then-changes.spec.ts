import { Controller, Injectable, Query } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import {
  Connection,
  EventHub,
  MemoryLog,
  Sse,
  SseConnection,
  TopicPolicy,
} from 'nestjs-sse-hub';
import type { TopicAuthorizer } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import type { SseTestEvent } from 'nestjs-sse-hub/testing';
import {
  concat,
  concatMap,
  defer,
  filter,
  of,
  startWith,
  switchMap,
  timer,
} from 'rxjs';
import type { Observable } from 'rxjs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { seededRandom } from '../support/random.js';
import { ResumingClient } from '../support/resuming-client.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

const isThird = (n: number): boolean => n % 3 === 0;

@Injectable()
@TopicPolicy('slowly.allowed')
class SlowPolicy implements TopicAuthorizer {
  async canSubscribe(): Promise<boolean> {
    await nextTurn();
    return true;
  }
}

type Changes = Observable<MessageEvent>;

/** How a handler makes one stream of both; `end` is up to where the list goes. */
type Join = (list: MessageEvent, changes: Changes, end: string) => Changes;

interface Listed {
  readonly rewind?: number;
  readonly topics?: readonly string[];
  readonly where?: (event: { data: any }) => boolean;
  readonly join?: Join;
  /** What becomes of the changes. */
  readonly pipe?: (changes: Changes) => Changes;
}

/** What there is, as a list, then each change; without the list for who comes back. */
@Controller()
class NumbersController {
  constructor(private readonly hub: EventHub) {}

  @Sse('concat')
  async concat(
    @Connection() connection: SseConnection,
    @Query('rewind') rewind = '50',
  ) {
    return this.#listed(connection, { rewind: Number(rewind) });
  }

  @Sse('start-with')
  async startWith(@Connection() connection: SseConnection) {
    return this.#listed(connection, {
      join: (list, changes) => changes.pipe(startWith(list)),
    });
  }

  @Sse('later')
  later(@Connection() connection: SseConnection) {
    return defer(() => this.#listed(connection)).pipe(
      switchMap((stream) => stream),
    );
  }

  @Sse('with-id')
  async withId(@Connection() connection: SseConnection) {
    return this.#listed(connection, {
      join: (list, changes, id) => concat(of({ ...list, id }), changes),
    });
  }

  @Sse('concat-map')
  async concatMap(@Connection() connection: SseConnection) {
    return this.#listed(connection, {
      pipe: (changes) =>
        changes.pipe(
          concatMap(async (event) => {
            await nextTurn();
            return event;
          }),
        ),
    });
  }

  @Sse('policy')
  async policy(@Connection() connection: SseConnection) {
    return this.#listed(connection, { topics: ['numbers', 'slowly.allowed'] });
  }

  @Sse('where')
  async where(@Connection() connection: SseConnection) {
    return this.#listed(connection, { where: ({ data }) => isThird(data.n) });
  }

  @Sse('filter')
  async filter(@Connection() connection: SseConnection) {
    return this.#listed(connection, {
      join: ({ type, data }, changes) => {
        const thirds = (data as { n: number }[]).filter(({ n }) => isThird(n));
        return concat(of({ type, data: thirds }), changes);
      },
      pipe: (changes) =>
        changes.pipe(filter(({ data }) => isThird((data as { n: number }).n))),
    });
  }

  /** The list from the application's own store, which is written before it is published. */
  @Sse('snapshot')
  async snapshot(@Connection() connection: SseConnection) {
    const { data, cursor } = await this.hub.snapshot(async () => {
      await nextTurn();
      return stored.slice(-50).map((n) => ({ n }));
    });
    const changes = this.hub.stream({
      topics: ['numbers'],
      after: cursor,
      for: connection,
    });
    return connection.lastEventId === undefined
      ? concat(of({ type: 'list', data }), changes)
      : changes;
  }

  async #listed(
    connection: SseConnection,
    {
      rewind = 50,
      topics = ['numbers'],
      where,
      join = (list, changes) => concat(of(list), changes),
      pipe = (changes) => changes,
    }: Listed = {},
  ): Promise<Changes> {
    const selected = { topics, where, for: connection };
    if (connection.lastEventId !== undefined) {
      return pipe(this.hub.stream(selected));
    }
    const { events, cursor } = await this.hub.history({ ...selected, rewind });
    const data = events.map((event) => event.data as object);
    const changes = this.hub.stream({ ...selected, after: cursor });
    return join({ type: 'list', data }, pipe(changes), cursor);
  }
}

let stored: number[];

const exact = [
  'concat',
  'start-with',
  'later',
  'with-id',
  'concat-map',
  'policy',
];
const paths = [...exact, 'concat?rewind=600', 'where', 'filter'];

describe.each(platforms)(
  'What there is, then what comes (%s)',
  (_, adapter) => {
    beforeEach(() => {
      stored = [];
    });

    afterEach(async () => {
      await closeSseTestClients();
      await closeApps();
    });

    const start = () =>
      startApp(adapter, {
        controllers: [NumbersController],
        providers: [SlowPolicy],
        options: {
          log: new MemoryLog({ maxEvents: 10_000_000, maxBytes: 2 ** 31 }),
          // Small, so that histories are read from the log's pages.
          window: { events: 32 },
        },
      });

    const publish = async (hub: EventHub, numbers: readonly number[]) => {
      for (const n of numbers) {
        stored.push(n);
        await hub.publish('numbers', { data: { n } });
      }
      const { position } = hub.health();
      await eventually(() => hub.health().position! >= position!);
    };

    /** What a page shows that has got these events. */
    const shown = (events: readonly SseTestEvent[]): number[] => {
      let numbers: number[] = [];
      for (const { type, data } of events) {
        if (type === 'list') {
          numbers = (data as { n: number }[]).map(({ n }) => n);
        } else if (type === 'message') {
          numbers.push((data as { n: number }).n);
        }
      }
      return numbers;
    };

    describe('Invariant 2, no loss, no double:', () => {
      it.each(exact)(
        'wherever the connection of a client breaks (%s)',
        async (path) => {
          const { hub, app } = await start();
          await publish(hub, [1, 2]);
          const first = await SseTestClient.connect(app, `/${path}`);
          await first.next('list');
          await publish(hub, [3, 4]);
          await first.until(() => shown(first.received).includes(4));
          const { received: events } = first;
          expect(events[0]!.type).toBe('list');
          expect(events[1]!.type).toBe('hub.checkpoint');
          await publish(hub, [5]);

          for (let got = 0; got <= events.length; got++) {
            const before = events.slice(0, got);
            const lastEventId = before.findLast(
              ({ id }) => id !== undefined,
            )?.id;
            const client = await SseTestClient.connect(app, `/${path}`, {
              lastEventId,
            });
            const page = () => shown([...before, ...client.received]);
            await client.until(() => page().includes(5));
            expect([got, page()]).toEqual([got, [1, 2, 3, 4, 5]]);
            await client.dropConnection();
          }
        },
      );

      it('for clients that come, drop, resume and begin anew at random at full speed', async () => {
        const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
        const random = seededRandom(seed);
        const { hub, url } = await start();
        const clients = Array.from({ length: 120 }, (_unused, i) => {
          const path = paths[i % paths.length]!;
          return { path, client: new ResumingClient(`${url}/${path}`) };
        });
        let published = 0;
        const end = Date.now() + 3_000;
        const goesOn = () => Date.now() < end || published < 2_000;
        const publishOne = () =>
          hub.publish('numbers', { data: { n: ++published } });
        const publishers = Array.from({ length: 4 }, async () => {
          while (goesOn()) {
            await Promise.all(Array.from({ length: 16 }, publishOne));
          }
        });
        const lists: [path: string, list: readonly number[]][] = [];
        const droppers = clients.map(async ({ path, client }) => {
          for (let drops = 0; goesOn() || drops < 4; drops++) {
            await client.connect();
            await until(timer(random() * 400));
            client.drop();
            check(path, client, seed);
            if (random() < 0.5) {
              client.lastEventId = undefined;
              if (client.list !== undefined) {
                lists.push([path, client.list]);
              }
            }
          }
          await client.connect();
        });
        await Promise.all([...publishers, ...droppers]);
        // The last number is a third one, so that it reaches every path.
        const last = published + 3 - (published % 3);
        while (published < last) {
          await publishOne();
        }
        await Promise.all(
          clients.map(async ({ client }) => {
            while (client.last !== last) {
              await until(timer(10));
            }
          }),
        );

        for (const { path, client } of clients) {
          check(path, client, seed);
          expect([seed, path, client.last]).toEqual([seed, path, last]);
        }
        expect(lists.length).toBeGreaterThan(clients.length);
        for (const [path, list] of lists.filter(
          ([, { length }]) => length > 0,
        )) {
          const most = path === 'concat?rewind=600' ? 600 : 50;
          const step = stepOf(path);
          const wanted = Math.max(step, list.at(-1)! - (most - 1) * step);
          // What the handler filters itself is fewer.
          if (path !== 'filter') {
            expect([seed, path, list[0]]).toEqual([seed, path, wanted]);
          }
        }
      });

      const stepOf = (path: string) =>
        path === 'where' || path === 'filter' ? 3 : 1;

      /** What a client has begins somewhere, and from there on has every number once. */
      function check(
        path: string,
        { numbers, resets }: ResumingClient,
        seed: number,
      ) {
        const wrong = numbers.findIndex(
          (n, i) => i > 0 && n !== numbers[i - 1]! + stepOf(path),
        );
        const around = numbers.slice(Math.max(0, wrong - 1), wrong + 2);
        const message = `seed ${seed}, ${path}, ${around.join()}`;
        expect([message, resets, wrong]).toEqual([message, 0, -1]);
      }
    });

    it('has what a store has, and all that was stored since, for pages that upsert', async () => {
      const { hub, app } = await start();
      await publish(hub, [1, 2]);
      const publishing = publish(
        hub,
        Array.from({ length: 200 }, (_unused, i) => i + 3),
      );
      const clients = await Promise.all(
        Array.from({ length: 20 }, () =>
          SseTestClient.connect(app, '/snapshot'),
        ),
      );
      await publishing;
      for (const client of clients) {
        await client.until(() => shown(client.received).includes(202));
        const numbers = [...new Set(shown(client.received))];
        const first = numbers[0]!;
        expect(numbers).toEqual(
          Array.from({ length: 203 - first }, (_unused, i) => first + i),
        );
      }
    });
  },
);

const until = (notifier: Observable<unknown>) =>
  new Promise<void>((resolve) => notifier.subscribe(() => resolve()));
