import { Exclude } from 'class-transformer';
import { IsString } from 'class-validator';
import {
  EventHub,
  EventValidationException,
  LogUnavailableException,
  SseConnection,
  SseEvent,
} from 'nestjs-sse-hub';
import { TestEventHub } from 'nestjs-sse-hub/testing';
import {
  Observable,
  bufferTime,
  concatMap,
  debounceTime,
  delay,
  filter,
  map,
  merge,
  of,
  take,
  tap,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';

@SseEvent('movie.rated', { topic: 'movies' })
class MovieRated {
  @IsString() readonly title: string;
  @Exclude() readonly secret = 'secret';

  constructor(title: string) {
    this.title = title;
  }
}

class Handlers {
  constructor(private readonly hub: EventHub) {}

  debounced(connection: SseConnection): Observable<string> {
    return this.hub.stream({ topics: ['letters'], for: connection }).pipe(
      debounceTime(3),
      map(({ data }) => data as string),
    );
  }

  buffered(connection: SseConnection): Observable<string> {
    return this.hub.stream({ topics: ['letters'], for: connection }).pipe(
      bufferTime(4),
      filter((events) => events.length > 0),
      map((events) => events.map(({ data }) => data as string).join('')),
    );
  }
}

describe('A hub on virtual time', () => {
  let scheduler: TestScheduler;
  let hub: TestEventHub;
  let handlers: Handlers;

  beforeEach(() => {
    scheduler = new TestScheduler((actual, expected) =>
      expect(actual).toEqual(expected),
    );
    hub = new TestEventHub({ scheduler });
    handlers = new Handlers(hub);
  });

  /** Publishes letters as a marble diagram has them. */
  const publishing = (letters: Observable<string>) =>
    letters.subscribe((data) => void hub.publish('letters', { data }));

  it('hands on what is published in the same frame', () => {
    scheduler.run(({ hot, expectObservable }) => {
      const seen = hub
        .listen({ topics: ['letters'] })
        .pipe(map(({ data, time }) => [data as string, time.getTime()]));
      expectObservable(seen, '--^----!').toBe('---b-c', {
        b: ['b', 3],
        c: ['c', 5],
      });
      publishing(hot('a--b-c----d'));
    });

    expect(hub.published.map(({ data }) => data)).toEqual(['a', 'b', 'c', 'd']);
    expect(hub.published.at(-1)!.event.time).toEqual(new Date(10));
  });

  it('shows the pace of debounceTime in a handler', () => {
    scheduler.run(({ hot, expectObservable }) => {
      const connection = hub.connection();
      expectObservable(handlers.debounced(connection)).toBe('-----b-----c');
      publishing(hot('a-b-----c'));
    });
  });

  it('shows the pace of bufferTime in a handler', () => {
    scheduler.run(({ hot, expectObservable }) => {
      const stream = handlers.buffered(hub.connection()).pipe(take(2));
      expectObservable(stream).toBe('----(x)-(y|)', { x: 'ab', y: 'c' });
      publishing(hot('-ab---c---'));
    });
  });

  it('replays to a connection that comes back, then is live', () => {
    scheduler.run(({ hot, expectObservable, flush }) => {
      publishing(hot('ab-------'));
      flush();
      const connection = hub.connection({
        lastEventId: hub.published[0]!.event.id,
      });
      const stream = hub
        .stream({ topics: ['letters'], for: connection })
        .pipe(map(({ data }) => data as string));
      expectObservable(merge(stream, of('live').pipe(delay(2)))).toBe('-b-l', {
        b: 'b',
        l: 'live',
      });
    });
  });

  it('queues what a subscriber publishes behind the event in work', () => {
    const seen: string[] = [];
    const listen = (name: string) =>
      hub
        .listen({ topics: ['letters'] })
        .subscribe(({ data }) => seen.push(`${name} ${data}`));
    hub
      .listen({ topics: ['letters'] })
      .pipe(filter(({ data }) => data === 'a'))
      .subscribe(() => void hub.publish('letters', { data: 'b' }));
    listen('one');
    listen('two');
    void hub.publish('letters', { data: 'a' });

    expect(seen).toEqual(['one a', 'two a', 'one b', 'two b']);
  });

  it('tests a service that publishes by the clock', () => {
    scheduler.run(({ expectObservable, cold }) => {
      const remind = cold('a').pipe(
        delay(100),
        tap(() => void hub.publish('reminders', { type: 'due', data: 1 })),
        concatMap(() => []),
      );
      const due = hub.listen({ topics: ['reminders'] });
      expectObservable(
        merge(due.pipe(map(({ type }) => type)), remind).pipe(take(1)),
      ).toBe('100ms (d|)', { d: 'due' });
    });
  });

  it('validates and serializes as in real time', async () => {
    void hub.publish(new MovieRated('Ran'));
    expect(hub.published[0]!.event.data).toEqual({ title: 'Ran' });

    await expect(hub.publish(new MovieRated(1 as never))).rejects.toThrow(
      EventValidationException,
    );
    hub.failNextPublish();
    await expect(hub.publish('a', { data: 1 })).rejects.toThrow(
      LogUnavailableException,
    );
    expect(hub.published).toHaveLength(1);
  });

  it('knows ephemeral events and idempotency keys', () => {
    const seen: unknown[] = [];
    hub.listen({ topics: ['a'] }).subscribe((event) => seen.push(event.data));
    void hub.publish('a', { data: 1, ephemeral: true });
    void hub.publish('a', { data: 2, idempotencyKey: 'k' });
    void hub.publish('a', { data: 3, idempotencyKey: 'k' });

    expect(seen).toEqual([1, 2]);
    expect(hub.published.map(({ data }) => data)).toEqual([1, 2]);
  });

  it('lets presence and its grace pass in virtual time', () => {
    scheduler.run(({ expectObservable, hot }) => {
      const changes = hub
        .presence$('letters')
        .pipe(map(({ type, user }) => `${user} ${type}`));
      expectObservable(changes, '^ 12s !').toBe('--j 10000ms l', {
        j: '7 joined',
        l: '7 left',
      });
      const stream = hub.stream({
        topics: ['letters'],
        for: hub.connection({ user: { id: 7 } }),
      });
      expectObservable(stream, '--^!').toBe('');
      publishing(hot('-'));
    });
  });

  it('ends a stream by hub.disconnect in its frame', () => {
    scheduler.run(({ hot, expectObservable }) => {
      const connection = hub.connection({ user: { id: 7 } });
      const stream = hub
        .stream({ topics: ['letters'], for: connection })
        .pipe(map(({ data }) => data as string));
      hot('---x').subscribe(() => void hub.disconnect({ user: 7 }));
      expectObservable(stream).toBe('-a');
      publishing(hot('-a---b'));
    });
  });
});
