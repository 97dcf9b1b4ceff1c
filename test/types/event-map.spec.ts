import type { Observable } from 'rxjs';
import { EventHub, topic } from 'nestjs-sse-hub';
import type { EventOf, HubEvent, SseConnection } from 'nestjs-sse-hub';

// Checked by tsc: a line below @ts-expect-error that compiles is an error.

interface Movie {
  readonly id: number;
  readonly title: string;
}

interface MovieEvents {
  'movie.added': Movie;
  'movie.removed': { readonly id: number };
}

interface AppEvents {
  movies: MovieEvents;
  notes: { message: string };
  [users: `users.${string}`]: { recommendation: Movie };
}

type MovieHub = EventHub<{ movies: MovieEvents }>;

/** Whether two types are the same, and not only assignable. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
    ? true
    : false;

const holds = <_ extends true>(): void => undefined;

/** Compiled, not run. */
function check(..._functions: ((...args: never[]) => unknown)[]): void {
  expect(_functions.length).toBeGreaterThan(0);
}

const movie: Movie = { id: 1, title: 'Alien' };

describe('a hub of an event map types', () => {
  it('what publish takes', () => {
    check(
      (hub: MovieHub) => [
        hub.publish('movies', { type: 'movie.added', data: movie }),
        hub.publish('movies', { type: 'movie.removed', data: { id: 1 } }),
        hub.publish('movies', {
          type: 'movie.added',
          data: movie,
          users: ['42', 42, 42n],
          roles: ['admin'],
          ephemeral: true,
          idempotencyKey: 'key',
        }),
      ],
      (hub: MovieHub) =>
        // @ts-expect-error no such topic
        hub.publish('movie', { type: 'movie.added', data: movie }),
      (hub: MovieHub) =>
        // @ts-expect-error no such type
        hub.publish('movies', { type: 'movie.changed', data: movie }),
      (hub: MovieHub) =>
        // @ts-expect-error data of another type
        hub.publish('movies', { type: 'movie.added', data: { id: 1 } }),
      (hub: MovieHub) =>
        // @ts-expect-error data of no type
        hub.publish('movies', { type: 'movie.removed', data: 1 }),
      (hub: MovieHub) =>
        // @ts-expect-error without a type, which is not `message` here
        hub.publish('movies', { data: movie }),
      (hub: MovieHub) =>
        // @ts-expect-error without data
        hub.publish('movies', { type: 'movie.added' }),
      (hub: MovieHub) =>
        // @ts-expect-error no such field
        hub.publish('movies', {
          type: 'movie.removed',
          data: { id: 1 },
          user: '42',
        }),
    );
  });

  it('a type that may be left out where it is message', () => {
    check(
      (hub: EventHub<AppEvents>) => [
        hub.publish('notes', { data: 'hi' }),
        hub.publish('notes', { type: 'message', data: 'hi' }),
      ],
      (hub: EventHub<AppEvents>) =>
        // @ts-expect-error data of another type
        hub.publish('notes', { data: 5 }),
    );
  });

  it('what publish resolves to', () => {
    check(async (hub: MovieHub) => {
      const event = await hub.publish('movies', {
        type: 'movie.added',
        data: movie,
      });
      holds<Same<typeof event.topic, 'movies'>>();
      if (event.type === 'movie.added') {
        holds<Same<typeof event.data, Movie>>();
      }
    });
  });

  it('topics that are template literals', () => {
    check(
      (hub: EventHub<AppEvents>, id: string, n: number) => [
        hub.publish('users.42', { type: 'recommendation', data: movie }),
        hub.publish(`users.${id}`, { type: 'recommendation', data: movie }),
        hub.publish(topic('users', id), {
          type: 'recommendation',
          data: movie,
        }),
        hub.publish(topic('users', n), { type: 'recommendation', data: movie }),
        hub.listen({ topics: ['movies', topic('users', id)] }),
      ],
      (hub: EventHub<AppEvents>) =>
        // @ts-expect-error another prefix
        hub.publish('user.42', { type: 'recommendation', data: movie }),
      (hub: EventHub<AppEvents>) =>
        // @ts-expect-error a type of another topic
        hub.publish('users.42', { type: 'movie.added', data: movie }),
      (hub: EventHub<AppEvents>, id: string) =>
        // @ts-expect-error a topic that is built with another prefix
        hub.listen({ topics: [topic('user', id)] }),
    );
  });

  it('what listen and stream emit: a union by topic and type', () => {
    check(
      (hub: MovieHub, connection: SseConnection) => {
        type Emitted =
          | HubEvent<'movies', 'movie.added', Movie>
          | HubEvent<'movies', 'movie.removed', { readonly id: number }>;
        const listened = hub.listen({ topics: ['movies'] });
        const streamed = hub.stream({ topics: ['movies'], for: connection });
        holds<Same<typeof listened, Observable<Emitted>>>();
        holds<Same<typeof streamed, Observable<Emitted>>>();
      },
      (event: EventOf<AppEvents>) => {
        if (event.topic === 'movies') {
          holds<Same<typeof event.type, keyof MovieEvents>>();
          if (event.type === 'movie.removed') {
            holds<Same<typeof event.data, { readonly id: number }>>();
            // @ts-expect-error only movie.added has a title
            return event.data.title;
          }
          holds<Same<typeof event.data, Movie>>();
          return event.data.title;
        }
        if (event.topic === 'notes') {
          holds<Same<typeof event.data, string>>();
          return event.data;
        }
        holds<Same<typeof event.topic, `users.${string}`>>();
        return event.data.title;
      },
    );
  });

  it('only events of the topics and types that were asked for', () => {
    check(
      (hub: EventHub<AppEvents>, connection: SseConnection) => {
        const notes = hub.listen({ topics: ['notes'] });
        holds<
          Same<typeof notes, Observable<HubEvent<'notes', 'message', string>>>
        >();
        const added = hub.stream({
          topics: ['movies'],
          types: ['movie.added'],
          for: connection,
        });
        holds<
          Same<
            typeof added,
            Observable<HubEvent<'movies', 'movie.added', Movie>>
          >
        >();
      },
      (hub: EventHub<AppEvents>) =>
        // @ts-expect-error no such topic
        hub.listen({ topics: ['movie'] }),
    );
  });

  it('what is in a history, as what its stream emits', () => {
    check(
      async (hub: EventHub<AppEvents>, connection: SseConnection) => {
        const selection = {
          topics: ['movies'],
          types: ['movie.added'],
          for: connection,
        } as const;
        const { events, cursor } = await hub.history({
          ...selection,
          rewind: 'all',
        });
        holds<
          Same<
            typeof events,
            readonly HubEvent<'movies', 'movie.added', Movie>[]
          >
        >();
        const streamed = hub.stream({ ...selection, after: cursor });
        holds<
          Same<
            typeof streamed,
            Observable<HubEvent<'movies', 'movie.added', Movie>>
          >
        >();
      },
      async (hub: EventHub<AppEvents>, connection: SseConnection) => {
        const { events } = await hub.history({
          patterns: ['**'],
          rewind: { since: new Date() },
          for: connection,
        });
        holds<Same<typeof events, readonly EventOf<AppEvents>[]>>();
      },
      (hub: MovieHub, connection: SseConnection) =>
        hub.history({
          topics: ['movies'],
          // @ts-expect-error only movie.added has a title
          where: (event) => event.data.title !== '',
          rewind: 1,
          for: connection,
        }),
      (hub: MovieHub, connection: SseConnection) =>
        // @ts-expect-error no such topic
        hub.history({ topics: ['movie'], rewind: 1, for: connection }),
      (hub: MovieHub, connection: SseConnection) =>
        // @ts-expect-error how much of what is retained
        hub.history({ topics: ['movies'], for: connection }),
      (hub: MovieHub) =>
        // @ts-expect-error without `for`
        hub.history({ topics: ['movies'], rewind: 1 }),
      (hub: MovieHub, connection: SseConnection) =>
        hub.stream({
          topics: ['movies'],
          // @ts-expect-error a cursor is text
          after: new Date(),
          for: connection,
        }),
    );
  });

  it('every event of the map for patterns', () => {
    check((hub: EventHub<AppEvents>) => {
      const all = hub.listen({ patterns: ['**'] });
      holds<Same<typeof all, Observable<EventOf<AppEvents>>>>();
    });
  });

  it('the event in a predicate', () => {
    check(
      (hub: MovieHub, connection: SseConnection) =>
        hub.stream({
          topics: ['movies'],
          where: (event) =>
            event.type === 'movie.added' ? event.data.title !== '' : true,
          for: connection,
        }),
      (hub: MovieHub, connection: SseConnection) =>
        hub.stream({
          topics: ['movies'],
          // @ts-expect-error a predicate is synchronous
          where: async () => true,
          for: connection,
        }),
      (hub: MovieHub, connection: SseConnection) =>
        hub.stream({
          topics: ['movies'],
          // @ts-expect-error only movie.added has a title
          where: (event) => event.data.title !== '',
          for: connection,
        }),
    );
  });

  it('that a stream needs its connection', () => {
    check((hub: MovieHub) =>
      // @ts-expect-error without `for`
      hub.stream({ topics: ['movies'] }),
    );
  });

  it('that events and their data are read-only', () => {
    check(async (hub: MovieHub) => {
      const event = await hub.publish('movies', {
        type: 'movie.added',
        data: movie,
      });
      // @ts-expect-error shared by all subscribers
      event.data = movie;
      // @ts-expect-error shared by all subscribers
      event.id = 'mine';
    });
  });

  it('a changed copy by its new type and data', () => {
    check((event: HubEvent<'movies', 'movie.added', Movie>) => {
      const copy = event.with({ type: 'renamed', data: 'Aliens' });
      holds<Same<typeof copy, HubEvent<'movies', 'renamed', string>>>();
      const same = event.with({});
      holds<Same<typeof same, HubEvent<'movies', 'movie.added', Movie>>>();
    });
  });
});

describe('a hub without an event map', () => {
  it('takes any topic, type and data', () => {
    check((hub: EventHub, name: string) => [
      hub.publish('anything', { type: 'any.type', data: { a: [1] } }),
      hub.publish(name, { data: 5 }),
      hub.publish(name, { type: name, data: null, users: [1] }),
      hub.listen({ topics: [name], types: [name] }),
    ]);
  });

  it('emits events whose data is any', () => {
    check((hub: EventHub, connection: SseConnection) => {
      const events = hub.stream({
        topics: ['movies'],
        where: (event) => event.data.title === 'Alien',
        for: connection,
      });
      holds<Same<typeof events, Observable<HubEvent>>>();
    });
  });

  it('still refuses fields that publish does not know', () => {
    check((hub: EventHub) =>
      // @ts-expect-error no such field
      hub.publish('movies', { data: 1, user: '42' }),
    );
  });
});

it('topic() is typed by its segments', () => {
  check((id: string, n: number) => {
    const plain = topic('movies');
    holds<Same<typeof plain, 'movies'>>();
    const users = topic('users', id);
    holds<Same<typeof users, `users.${string}`>>();
    const cart = topic('users', n, 'cart');
    holds<Same<typeof cart, `users.${number}.cart`>>();
    // @ts-expect-error a segment is text or a number
    return topic('users', undefined);
  });
});
