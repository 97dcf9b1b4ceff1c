import type { Observable } from 'rxjs';
import { of } from 'rxjs';
import {
  EventHub,
  HubEvent,
  OnSseEvent,
  PublishEvent,
  SseEvent,
  topic,
} from 'nestjs-sse-hub';
import type { History, HubEventOf, Plain, SseConnection } from 'nestjs-sse-hub';

// Checked by tsc: a line below @ts-expect-error that compiles is an error.

@SseEvent('movie.added', { topic: 'movies' })
class MovieAdded {
  static readonly type = 'movie.added';

  constructor(
    readonly id: number,
    readonly title: string,
    readonly releasedAt?: Date,
  ) {}

  get label(): string {
    return `${this.id} ${this.title}`;
  }

  shout(): string {
    return this.title.toUpperCase();
  }
}

@SseEvent('movie.removed', { topic: 'movies' })
class MovieRemoved {
  static readonly type = 'movie.removed';

  constructor(readonly id: number) {}
}

@SseEvent('recommended', { topic: 'users.:userId.films' })
class Recommended {
  static readonly type = 'recommended';

  constructor(
    readonly userId: string,
    readonly titles: readonly string[],
  ) {}
}

/** As the plain form has it. */
@SseEvent('untyped', { topic: 'movies' })
class Untyped {
  readonly note: string = '';
}

interface Movie {
  readonly id: number;
  readonly title: string;
}

/** What JSON makes of a `MovieAdded`. */
interface AddedData {
  readonly id: number;
  readonly title: string;
  readonly releasedAt?: string;
  readonly label: string;
}

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
    ? true
    : false;

const holds = <_ extends true>(): void => undefined;

/** Both are assignable to each other. */
type Alike<A, B> = [A, B] extends [B, A] ? true : false;

/** Compiled, not run. */
function check(..._functions: ((...args: never[]) => unknown)[]): void {
  expect(_functions.length).toBeGreaterThan(0);
}

describe('What JSON makes of a class', () => {
  it('is its data, with dates as strings, and no methods', () => {
    holds<Alike<Plain<MovieAdded>, AddedData>>();
    holds<Same<keyof Plain<MovieAdded>, keyof AddedData>>();
    check((data: Plain<MovieAdded>) => [
      data.title,
      // @ts-expect-error a method is not sent
      data.shout,
      // @ts-expect-error a date is sent as text
      data.releasedAt?.getTime(),
    ]);
  });

  it('goes into arrays, tuples and nested objects', () => {
    interface Nested {
      readonly dates: readonly Date[];
      readonly pair: [Date, number];
      readonly inner: { readonly at: Date; readonly run: () => void };
      readonly either: Date | number | null;
      readonly anything: any;
      readonly unknown: unknown;
    }
    interface Sent {
      readonly dates: readonly string[];
      readonly pair: [string, number];
      readonly inner: { readonly at: string };
      readonly either: string | number | null;
      readonly anything: any;
      readonly unknown: unknown;
    }
    holds<Alike<Plain<Nested>, Sent>>();
    holds<Same<Plain<Nested>['pair'], [string, number]>>();
    holds<Same<Plain<any>, any>>();
  });
});

describe('@SseEvent() refuses', () => {
  it('a class that says another type', () => {
    check(() => {
      // @ts-expect-error the class says movie.added
      @SseEvent('movie.addded', { topic: 'movies' })
      class Misspelt {
        static readonly type = 'movie.added';
      }
      // @ts-expect-error not readonly: the compiler widens it to string
      @SseEvent('movie.added', { topic: 'movies' })
      class Widened {
        static type = 'movie.added';
      }
      return [Misspelt, Widened];
    });
  });

  it('a class without the fields of its topic', () => {
    check(() => {
      // @ts-expect-error no userId
      @SseEvent('read', { topic: 'users.:userId' })
      class WithoutField {}
      // @ts-expect-error a date is no segment
      @SseEvent('read', { topic: 'users.:userId' })
      class WithDate {
        readonly userId = new Date();
      }
      // @ts-expect-error the second one
      @SseEvent('read', { topic: 'shops.:shop.users.:userId' })
      class WithOne {
        readonly shop = 1;
      }
      @SseEvent('read', { topic: 'shops.:shop.users.:userId' })
      class WithBoth {
        readonly shop = 1;
        readonly userId = 'jane';
      }
      return [WithoutField, WithDate, WithOne, WithBoth];
    });
  });

  it('no topic', () => {
    // @ts-expect-error where would it be published
    check(() => SseEvent('movie.added', {}));
  });
});

describe('hub.publish of an instance', () => {
  it('gives its data', () => {
    check(async (hub: EventHub) => {
      const event = await hub.publish(new MovieAdded(1, 'Alien'));
      holds<Same<typeof event, HubEvent<string, string, Plain<MovieAdded>>>>();
      await hub.publish(new MovieAdded(1, 'Alien'), {
        users: [42],
        roles: ['editor'],
        ephemeral: false,
        idempotencyKey: 'key',
      });
    });
  });

  it('works beside an event map', () => {
    check(
      (hub: EventHub<{ notes: { message: string } }>) =>
        hub.publish(new MovieAdded(1, 'Alien')),
      (hub: EventHub<{ notes: { message: string } }>) =>
        hub.publish('notes', { data: 'text' }),
      (hub: EventHub<{ notes: { message: string } }>) =>
        // @ts-expect-error no such topic
        hub.publish('movies', { data: 'text' }),
    );
  });

  it('takes no type and no data', () => {
    check((hub: EventHub) =>
      // @ts-expect-error the class says it
      hub.publish(new MovieAdded(1, 'Alien'), { type: 'other' }),
    );
  });
});

describe('stream, listen and history of classes', () => {
  it('emit a union that `type` discriminates', () => {
    check((hub: EventHub, connection: SseConnection) => {
      const streamed = hub.stream({
        events: [MovieAdded, MovieRemoved],
        for: connection,
      });
      type Emitted =
        | HubEvent<string, 'movie.added', Plain<MovieAdded>>
        | HubEvent<string, 'movie.removed', Plain<MovieRemoved>>;
      holds<Same<typeof streamed, Observable<Emitted>>>();
      const listened = hub.listen({ events: [MovieAdded, MovieRemoved] });
      holds<Same<typeof listened, Observable<Emitted>>>();
      const read = hub.history({
        events: [MovieAdded, MovieRemoved],
        rewind: 10,
        for: connection,
      });
      holds<Same<typeof read, Promise<History<Emitted>>>>();
    });
    check(
      (event: HubEventOf<typeof MovieAdded | typeof MovieRemoved>): string => {
        switch (event.type) {
          case MovieAdded.type:
            return event.data.title;
          case 'movie.removed':
            // @ts-expect-error only movie.added has a title
            return event.data.title;
          default:
            holds<Same<typeof event, never>>();
            return '';
        }
      },
    );
  });

  it('have text as the type of a class that does not say it', () => {
    check((hub: EventHub, connection: SseConnection) => {
      const events = hub.stream({ events: [Untyped], for: connection });
      holds<
        Same<
          typeof events,
          Observable<HubEvent<string, string, Plain<Untyped>>>
        >
      >();
    });
  });

  it('type `where`, and take topics and patterns beside', () => {
    check((hub: EventHub, connection: SseConnection) => [
      hub.history({
        events: [MovieAdded, Recommended],
        topics: [topic('users', connection.user.id, 'films')],
        where: (event) =>
          event.type === 'movie.added'
            ? event.data.title !== ''
            : event.data.titles.length > 0,
        rewind: 'all',
        for: connection,
      }),
      hub.stream({
        events: [MovieAdded, Recommended],
        topics: [topic('users', connection.user.id, 'films')],
        where: (event) =>
          event.type === 'movie.added'
            ? event.data.title !== ''
            : event.data.titles.length > 0,
        rewind: 20,
        for: connection,
      }),
      hub.listen({
        events: [Recommended],
        patterns: ['users.*.films'],
        audience: 'all',
      }),
    ]);
  });

  it('refuse what contradicts', () => {
    check(
      (hub: EventHub, connection: SseConnection) =>
        // @ts-expect-error the classes say the types
        hub.stream({
          events: [MovieAdded],
          types: ['movie.added'],
          for: connection,
        }),
      (hub: EventHub) =>
        // @ts-expect-error without `for`
        hub.stream({ events: [MovieAdded] }),
      (hub: EventHub, connection: SseConnection) =>
        hub.stream({
          events: [MovieAdded],
          // @ts-expect-error no such field
          where: (event) => event.data.titel !== '',
          for: connection,
        }),
      (hub: EventHub) =>
        // @ts-expect-error an instance is no class
        hub.listen({ events: [new MovieAdded(1, 'Alien')] }),
    );
  });
});

describe('@PublishEvent() types', () => {
  it('what a mapper gets, and that the method returns it', () => {
    check(() => {
      class Movies {
        @PublishEvent(MovieAdded, {
          map: ({ id, title }: Movie) => new MovieAdded(id, title),
        })
        async add(title: string): Promise<Movie> {
          return { id: 1, title };
        }

        @PublishEvent(MovieRemoved, {
          map: (_: void, id: number) => new MovieRemoved(id),
        })
        async remove(_id: number): Promise<void> {}

        @PublishEvent(MovieAdded, {
          map: (movies: Movie[]) =>
            movies.map(({ id, title }) => new MovieAdded(id, title)),
          delivery: ({ id }) => ({ users: [id] }),
        })
        addAll(movies: Movie[]): Observable<Movie[]> {
          return of(movies);
        }

        @PublishEvent(MovieAdded)
        now(): MovieAdded {
          return new MovieAdded(1, 'Alien');
        }

        // @ts-expect-error the mapper takes a movie, and the method gives text
        @PublishEvent(MovieAdded, {
          map: ({ id, title }: Movie) => new MovieAdded(id, title),
        })
        async wrong(): Promise<string> {
          return '';
        }
      }
      return Movies;
    });
  });

  it('what a mapper gives', () => {
    check(() => [
      PublishEvent(MovieAdded, {
        // @ts-expect-error no MovieAdded
        map: (movie: Movie) => movie.title,
      }),
      PublishEvent(MovieAdded, { map: () => undefined, onError: 'log' }),
      // @ts-expect-error no such choice
      PublishEvent(MovieAdded, { onError: 'ignore' }),
    ]);
  });
});

describe('@OnSseEvent() types', () => {
  it('what a listener gets', () => {
    check(() => {
      class Listeners {
        @OnSseEvent('movies.*')
        any(event: HubEvent): void {
          holds<Same<typeof event.data, any>>();
        }

        @OnSseEvent(MovieAdded)
        added(event: HubEvent<string, 'movie.added', Plain<MovieAdded>>) {
          return event.data.title;
        }

        @OnSseEvent({ events: [MovieAdded, MovieRemoved], audience: 'all' })
        both(event: HubEventOf<typeof MovieAdded | typeof MovieRemoved>) {
          return event.type === 'movie.added' ? event.data.title : '';
        }

        @OnSseEvent(MovieAdded)
        @OnSseEvent({ topics: ['movies'], types: ['other'] })
        nothing() {}

        // @ts-expect-error another event's data
        @OnSseEvent(MovieRemoved)
        wrong(event: HubEventOf<typeof MovieAdded>) {
          return event;
        }
      }
      return Listeners;
    });
  });
});
