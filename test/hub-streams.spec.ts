import { Controller, Query } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import {
  Connection,
  EventHub,
  HubEvent,
  SecondStreamException,
  Sse,
  SseConnection,
  SseRouteException,
} from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import {
  BehaviorSubject,
  Observable,
  Subject,
  Subscriber,
  concat,
  concatMap,
  defer,
  filter,
  firstValueFrom,
  map,
  merge,
  of,
  retry,
  switchMap,
  take,
  throwError,
} from 'rxjs';
import { answer } from './support/answer.js';
import { CaughtErrors } from './support/caught-errors.js';
import { eventually } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('A hub stream from @Sse() on %s', (_, adapter) => {
  /** Starts an app with one handler. */
  async function serve(
    handler: (
      hub: EventHub,
      connection: SseConnection,
      query: string,
    ) => unknown,
  ) {
    @Controller()
    class EventsController {
      constructor(private readonly hub: EventHub) {}

      @Sse('events')
      events(
        @Connection() connection: SseConnection,
        @Query('q') query: string,
      ) {
        return handler(this.hub, connection, query);
      }
    }
    let caught!: CaughtErrors;
    const running = await startApp(adapter, {
      controllers: [EventsController],
      configure: (app: INestApplication) => (caught = new CaughtErrors(app)),
    });
    return { ...running, events: `${running.url}/events`, caught };
  }

  const count = async (
    hub: EventHub,
    topic: string,
    from: number,
    to: number,
  ) => {
    for (let data = from; data <= to; data++) {
      await hub.publish(topic, { data });
    }
  };

  it('carries what is published to its topics, with type, data and id', async () => {
    const { app, hub } = await serve((hub, connection) =>
      hub.stream({ topics: ['movies', 'actors'], for: connection }),
    );
    const client = await SseTestClient.connect(app, '/events');
    await hub.publish('other', { data: 'not asked for' });
    const published = await hub.publish('movies', {
      type: 'movie.added',
      data: { title: 'Alien' },
    });
    await hub.publish('actors', { data: 'Sigourney' });
    expect(await client.next()).toEqual({
      type: 'movie.added',
      id: published.id,
      data: { title: 'Alien' },
    });
    expect(await client.next()).toMatchObject({
      type: 'message',
      data: 'Sigourney',
    });
  });

  it('may be filtered and mapped in the handler, with types and where by the hub', async () => {
    const { app, hub } = await serve((hub, connection, query) =>
      hub
        .stream({
          topics: ['movies'],
          types: ['movie.added'],
          where: (event: HubEvent) => event.data.year > 1970,
          for: connection,
        })
        .pipe(
          filter((event) => event.data.genre === query),
          map((event) => event.with({ data: event.data.title as string })),
        ),
    );
    const client = await SseTestClient.connect(app, '/events?q=horror');
    const add = (
      title: string,
      year: number,
      genre: string,
      type = 'movie.added',
    ) => hub.publish('movies', { type, data: { title, year, genre } });
    await add('Psycho', 1960, 'horror');
    await add('Alien', 1979, 'horror', 'movie.changed');
    await add('Ran', 1985, 'drama');
    const last = await add('The Thing', 1982, 'horror');
    expect(await client.next()).toEqual({
      type: 'movie.added',
      id: last.id,
      data: 'The Thing',
    });
  });

  describe('on a connection that has one already', () => {
    it('is refused before the head, with what to do instead', async () => {
      const { events, caught } = await serve((hub, connection) =>
        merge(
          hub.stream({ topics: ['a'], for: connection }),
          hub.stream({ topics: ['b'], for: connection }),
        ),
      );
      expect((await answer(events)).status).toBe(500);
      expect(caught.errors).toHaveLength(1);
      expect(caught.errors[0]).toBeInstanceOf(SecondStreamException);
      expect(caught.errors[0]!.message).toMatch(
        /List all topics in one stream/,
      );
    });

    it('is refused also when it comes later, behind hub.error', async () => {
      const { app, hub } = await serve((hub, connection) => {
        const first = hub.stream({ topics: ['a'], for: connection });
        const second = hub.stream({ topics: ['b'], for: connection });
        return first.pipe(
          switchMap((event) =>
            event.data === 'go' ? merge(first, second) : of(event),
          ),
        );
      });
      const client = await SseTestClient.connect(app, '/events');
      await hub.publish('a', { data: 'one' });
      expect((await client.next()).data).toBe('one');
      await hub.publish('a', { data: 'go' });
      await client.next('hub.error');
      expect((await client.untilClosed()).clean).toBe(true);
    });

    it('may follow one that nobody listened to any more when it was subscribed to', async () => {
      const { app, hub } = await serve((hub, connection) => {
        const stream = hub.stream({ topics: ['a'], for: connection });
        const closed = new Subscriber<HubEvent>();
        closed.unsubscribe();
        stream.subscribe(closed);
        return stream;
      });
      const client = await SseTestClient.connect(app, '/events');
      await hub.publish('a', { data: 'first' });
      expect((await client.next()).data).toBe('first');
    });

    it('may follow one that has ended', async () => {
      const { app, hub } = await serve((hub, connection) =>
        concat(
          hub.stream({ topics: ['a'], for: connection }).pipe(take(1)),
          hub.stream({ topics: ['b'], for: connection }),
        ),
      );
      const client = await SseTestClient.connect(app, '/events');
      await hub.publish('a', { data: 'first' });
      expect((await client.next()).data).toBe('first');
      await hub.publish('b', { data: 'second' });
      expect((await client.next()).data).toBe('second');
    });
  });

  describe('subscribed to again', () => {
    it('by retry goes on behind the event that failed: nothing else lost, nothing twice', async () => {
      const { app, hub } = await serve((hub, connection) =>
        hub.stream({ topics: ['numbers'], for: connection }).pipe(
          map((event) => {
            if (event.data % 4 === 0) {
              throw new Error('I do not like it');
            }
            return event;
          }),
          retry(),
        ),
      );
      const client = await SseTestClient.connect(app, '/events');
      await client.next('hub.checkpoint');
      await count(hub, 'numbers', 1, 10);
      await client.until(() => client.data.includes(10));
      expect(client.data).toEqual([1, 2, 3, 5, 6, 7, 9, 10]);
      expect(client.lastEventId).toBe(await hub.head());
    });

    it('by retry behind asynchronous work: only what failed is skipped', async () => {
      const work = new Subject<void>();
      const { app, hub } = await serve((hub, connection) =>
        hub.stream({ topics: ['numbers'], for: connection }).pipe(
          concatMap(async (event: HubEvent) => {
            if (event.data === 1) {
              await firstValueFrom(work);
            }
            if (event.data === 2) {
              throw new Error('I do not like it');
            }
            return event;
          }),
          retry(),
        ),
      );
      const client = await SseTestClient.connect(app, '/events');
      await client.next('hub.checkpoint');
      await count(hub, 'numbers', 1, 4);
      await eventually(() => work.observed);
      work.next();
      await client.until(() => client.data.includes(4));
      expect(client.data).toEqual([1, 3, 4]);
    });

    it('by retry behind asynchronous work on more events than are remembered', async () => {
      const gates = [1, 300].map((n) => [n, new Subject<void>()] as const);
      const works = new Map(gates);
      let failures = 0;
      const { app, hub } = await serve((hub, connection) =>
        hub.stream({ topics: ['numbers'], for: connection }).pipe(
          concatMap(async (event: HubEvent) => {
            const work = failures === 0 && works.get(event.data);
            if (work) {
              await firstValueFrom(work);
            }
            if (event.data === 300) {
              failures++;
              throw new Error('I do not like it');
            }
            return event;
          }),
          retry(),
        ),
      );
      const client = await SseTestClient.connect(app, '/events');
      await client.next('hub.checkpoint');
      await count(hub, 'numbers', 1, 400);
      await eventually(() => works.get(1)!.observed);
      works.get(1)!.next();
      await client.until(() => client.data.includes(299));
      await count(hub, 'numbers', 401, 401);
      await hub['settled']();
      works.get(300)!.next();
      await client.until(() => client.data.includes(401));
      const all = Array.from({ length: 401 }, (_unused, i) => i + 1);
      expect(client.data).toEqual(all.filter((n) => n !== 300));
      expect(failures).toBe(2);
    });

    describe('by retry, when an event fails at once while older ones are in asynchronous work', () => {
      const check = ({ data }: HubEvent) => {
        if (data === 'bad' || data % 5 === 0) {
          throw new Error('I do not like it');
        }
        return true;
      };
      it.each([
        ['an operator', undefined, filter(check)],
        ['where', check, filter<HubEvent>(() => true)],
      ])('only what failed is skipped (%s)', async (_name, where, operator) => {
        const work = new Subject<void>();
        let isOpen = false;
        const { app, hub } = await serve((hub, connection) =>
          hub.stream({ topics: ['numbers'], where, for: connection }).pipe(
            operator,
            concatMap(async (event: HubEvent) => {
              if (!isOpen) {
                await firstValueFrom(work);
              }
              return event;
            }),
            retry(),
          ),
        );
        const client = await SseTestClient.connect(app, '/events');
        await client.next('hub.checkpoint');
        await count(hub, 'numbers', 1, 11);
        await hub.publish('numbers', { data: 'bad', ephemeral: true });
        await hub['settled']();
        expect(client.data).toEqual([]);
        isOpen = true;
        work.next();
        await client.until(() => client.data.includes(11));
        await count(hub, 'numbers', 12, 16);
        await client.until(() => client.data.includes(16));
        expect(client.data).toEqual([
          1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 16,
        ]);
        expect(client.lastEventId).toBe(await hub.head());
        expect(
          client.received.filter(({ type }) => type === 'hub.reset'),
        ).toEqual([]);
      });

      it('what cannot go on for ever is told', async () => {
        const work = new Subject<void>();
        const { app, hub } = await serve((hub, connection) =>
          hub.stream({ topics: ['numbers'], for: connection }).pipe(
            map((event) => {
              if (event.data > 1 && event.data < 300) {
                throw new Error('I do not like it');
              }
              return event;
            }),
            concatMap(async (event: HubEvent) => {
              if (event.data === 1) {
                await firstValueFrom(work);
              }
              return event;
            }),
            retry(),
          ),
        );
        const client = await SseTestClient.connect(app, '/events');
        const { id } = await client.next('hub.checkpoint');
        await count(hub, 'numbers', 1, 300);
        const reset = await client.next('hub.reset');
        expect(reset.data).toEqual({ reason: 'skipped', cursor: id });
        await client.until(() => client.data.includes(300));
        expect(client.data).toEqual([300]);
      });

      it('what a filter has left out before does not count for it', async () => {
        let tried = 0;
        const { app, hub } = await serve((hub, connection) =>
          hub.stream({ topics: ['numbers'], for: connection }).pipe(
            filter(({ data }) => data >= 10),
            map((event) => {
              if (event.data === 10) {
                tried++;
                throw new Error('I do not like it');
              }
              return event;
            }),
            retry(3),
          ),
        );
        const client = await SseTestClient.connect(app, '/events');
        await client.next('hub.checkpoint');
        await count(hub, 'numbers', 1, 11);
        await client.until(() => client.data.includes(11));
        expect(client.data).toEqual([11]);
        expect(tried).toBe(1);
      });
    });

    it('by retry: what the failing event has emitted has not the id of the next one', async () => {
      const work = new Subject<void>();
      const { app, hub } = await serve((hub, connection) =>
        hub
          .stream({ topics: ['numbers'], rewind: 'all', for: connection })
          .pipe(
            concatMap((event) =>
              event.data === 1
                ? concat(
                    of({ data: 'half' }),
                    throwError(() => new Error('I do not like it')),
                  )
                : work.pipe(map(() => event)),
            ),
            retry(),
          ),
      );
      const first = await hub.publish('numbers', { data: 1 });
      await count(hub, 'numbers', 2, 2);
      const client = await SseTestClient.connect(app, '/events');
      expect(await client.next()).toMatchObject({
        id: first.id,
        data: 'half',
      });
      await eventually(() => work.observed);
      await client.reconnect();
      await eventually(() => work.observed);
      work.next();
      expect((await client.next()).data).toBe(2);
    });

    it('by retry does not go back to the header that the client came with', async () => {
      const { app, hub } = await serve((hub, connection) =>
        hub.stream({ topics: ['numbers'], for: connection }).pipe(
          map((event) => {
            if (event.data === 4) {
              throw new Error('I do not like it');
            }
            return event;
          }),
          retry(),
        ),
      );
      const first = await hub.publish('numbers', { data: 1 });
      await count(hub, 'numbers', 2, 6);
      const client = await SseTestClient.connect(app, '/events', {
        lastEventId: first.id,
      });
      await client.until(() => client.data.includes(6));
      await count(hub, 'numbers', 7, 7);
      await client.until(() => client.data.includes(7));
      expect(client.data).toEqual([2, 3, 5, 6, 7]);
    });

    it('by switchMap continues with the other selection', async () => {
      const topic = new BehaviorSubject('even');
      const { app, hub } = await serve((hub, connection) =>
        topic.pipe(
          switchMap((name) =>
            hub.stream({ topics: [name, 'all'], for: connection }),
          ),
        ),
      );
      const client = await SseTestClient.connect(app, '/events');
      await hub.publish('even', { data: 2 });
      await hub.publish('odd', { data: 3 });
      await client.next();
      await hub.publish('all', { data: 'all' });
      await client.next();
      topic.next('odd');
      await hub.publish('even', { data: 4 });
      await hub.publish('odd', { data: 5 });
      await hub.publish('all', { data: 'end' });
      await client.until(() =>
        client.events.some(({ data }) => data === 'end'),
      );
      expect(client.events.map(({ data }) => data)).toEqual([
        2,
        'all',
        5,
        'end',
      ]);
      expect(
        client.received.filter(({ type }) => type === 'hub.reset'),
      ).toEqual([]);
    });

    it('resumes by the cursor that it has given', async () => {
      const { app, hub } = await serve((hub, connection) =>
        defer(() => hub.stream({ topics: ['numbers'], for: connection })),
      );
      const client = await SseTestClient.connect(app, '/events');
      await client.next('hub.checkpoint');
      await count(hub, 'numbers', 1, 2);
      await client.until(() => client.events.length === 2);
      await client.dropConnection();
      await count(hub, 'numbers', 3, 4);
      await client.reconnect();
      await count(hub, 'numbers', 5, 5);
      await client.until(() => client.events.length === 5);
      expect(client.data).toEqual([1, 2, 3, 4, 5]);
    });
  });

  describe('of hub.listen()', () => {
    const listens: [name: string, listen: (hub: EventHub) => unknown][] = [
      ['as it is', (hub) => hub.listen({ topics: ['a'] })],
      [
        'piped',
        (hub) =>
          hub.listen({ patterns: ['**'] }).pipe(
            filter(() => true),
            map((event) => event.data as unknown),
          ),
      ],
      [
        'by a promise',
        async (hub) =>
          Promise.resolve(hub.listen({ topics: ['a'], audience: 'all' })),
      ],
    ];

    it.each(listens)(
      '%s is refused before the head, with what to return',
      async (_name, listen) => {
        const { events, caught, hub } = await serve(listen);
        expect((await answer(events)).status).toBe(500);
        expect(caught.errors[0]).toBeInstanceOf(SseRouteException);
        expect(caught.errors[0]!.message).toMatch(
          /Return hub\.stream\(\{ …, for: connection \}\)/,
        );
        expect(hub.connections()).toEqual([]);
      },
    );

    it('hidden behind merge ends the stream at its first event, which the client does not get', async () => {
      const { app, hub } = await serve((hub, connection) =>
        merge(
          hub.stream({ topics: ['a'], for: connection }),
          hub.listen({ topics: ['b'], audience: 'all' }),
        ),
      );
      const client = await SseTestClient.connect(app, '/events');
      await hub.publish('a', { data: 'for everyone' });
      await client.next();
      await hub.publish('b', {
        data: 'for somebody else',
        users: ['somebody'],
      });
      await client.next('hub.error');
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.text).not.toContain('somebody');
    });
  });

  it('that names no topics answers 500 with what is missing', async () => {
    const { events, caught } = await serve((hub, connection) =>
      hub.stream({ for: connection }),
    );
    expect((await answer(events)).status).toBe(500);
    expect(caught.errors[0]!.message).toMatch(/no topics and no patterns/);
  });

  it('with an option that there is not answers 500 with those that there are', async () => {
    const { events, caught } = await serve((hub, connection) => {
      const mistyped = { topics: ['a'], were: () => false, for: connection };
      return hub.stream(mistyped);
    });
    expect((await answer(events)).status).toBe(500);
    expect(caught.errors[0]!.message).toMatch(
      /unknown option "were".* where, rewind, after, for/,
    );
  });

  it('that is for no connection answers 500 with what to pass', async () => {
    const { events, caught } = await serve(
      (hub) => hub.stream({ topics: ['a'] } as never) as Observable<unknown>,
    );
    expect((await answer(events)).status).toBe(500);
    expect(caught.errors[0]!.message).toMatch(
      /add @Connection\(\) to the handler and pass `for: connection`/,
    );
  });
});
