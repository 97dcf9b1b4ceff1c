import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Exclude } from 'class-transformer';
import { IsString } from 'class-validator';
import {
  EventHub,
  EventTooLargeException,
  EventValidationException,
  InvalidEventException,
  InvalidTopicException,
  LogUnavailableException,
  PublishEvent,
  SseEvent,
  UnserializableDataException,
  topic,
} from 'nestjs-sse-hub';
import { TEST_EVENT_HUB_OPTIONS, TestEventHub } from 'nestjs-sse-hub/testing';
import { firstValueFrom } from 'rxjs';

interface Movie {
  readonly title: string;
}

interface Events {
  movies: { 'movie.added': Movie; 'movie.removed': { id: number } };
  [users: `users.${string}`]: { hello: string };
}

class Secret {
  shown = 'shown';
  @Exclude() hidden = 'hidden';
}

@SseEvent('movie.rated', { topic: 'movies' })
class MovieRated {
  @IsString() readonly title: string;

  constructor(title: string) {
    this.title = title;
  }
}

@Injectable()
class MoviesService {
  constructor(private readonly hub: EventHub<Events>) {}

  async add(movie: Movie): Promise<void> {
    await this.hub.publish('movies', { type: 'movie.added', data: movie });
  }

  @PublishEvent(MovieRated)
  rate(title: string): MovieRated {
    return new MovieRated(title);
  }
}

describe('TestEventHub', () => {
  it('remembers what a service publishes', async () => {
    const hub = new TestEventHub<Events>();
    const service = new MoviesService(hub);
    const alien = { title: 'Alien' };
    await service.add(alien);
    await hub.publish('users.7', {
      type: 'hello',
      data: 'you',
      users: [7],
      ephemeral: true,
    });

    expect(hub.published).toMatchObject([
      {
        topic: 'movies',
        type: 'movie.added',
        data: alien,
        audience: undefined,
        ephemeral: false,
      },
      { topic: 'users.7', audience: { users: ['7'] }, ephemeral: true },
    ]);
    expect(hub.published[0]!.data).toBe(alien);
    expect(hub.published[0]!.event.id).toBe(await hub.head());
    expect(hub.published[1]!.event.id).toBeUndefined();
  });

  it('is typed by the map of events', async () => {
    const hub = new TestEventHub<Events>();
    await hub.publish('movies', { type: 'movie.removed', data: { id: 1 } });
    // @ts-expect-error no such type on this topic
    await hub.publish('movies', { type: 'hello', data: 'x' });
    // @ts-expect-error other data
    await hub.publish('movies', { type: 'movie.removed', data: { id: 'x' } });

    const [first] = hub.published;
    if (first?.topic === 'movies' && first.type === 'movie.removed') {
      const id: number = first.data.id;
      const seen: number = first.event.data.id;
      // @ts-expect-error it is a number
      const text: string = first.data.id;
      expect([id, seen, text]).toEqual([1, 1, 1]);
    }
    expect.assertions(1);
  });

  it('shows an instance as it was given, and as clients see it', async () => {
    const hub = new TestEventHub();
    const secret = new Secret();
    await hub.publish('movies', { data: secret });

    const [{ data, event }] = hub.published as [(typeof hub.published)[0]];
    expect(data).toBe(secret);
    expect(event.data).toEqual({ shown: 'shown' });
  });

  it.each<[string, (hub: TestEventHub) => Promise<unknown>, unknown]>([
    [
      'an invalid topic',
      (hub) => hub.publish('a b', { data: 1 }),
      InvalidTopicException,
    ],
    [
      'an unknown field',
      (hub) => hub.publish('a', { date: 1 } as never),
      InvalidEventException,
    ],
    [
      'what JSON cannot hold',
      (hub) => hub.publish('a', { data: 1n }),
      UnserializableDataException,
    ],
    [
      'what is too large',
      (hub) => hub.publish('a', { data: 'x'.repeat(1 << 20) }),
      EventTooLargeException,
    ],
    [
      'an event that breaks its rules',
      (hub) => hub.publish(new MovieRated(1 as never)),
      EventValidationException,
    ],
  ])('refuses %s as the real one does', async (_, publish, exception) => {
    const hub = new TestEventHub();

    await expect(publish(hub)).rejects.toThrow(exception as never);
    expect(hub.published).toEqual([]);
  });

  it('can be told not to validate', async () => {
    const hub = new TestEventHub({ validateEvents: false });
    await hub.publish(new MovieRated(1 as never));

    expect(hub.published[0]!.data).toBeInstanceOf(MovieRated);
  });

  it('makes the next valid publish fail, once', async () => {
    const hub = new TestEventHub();
    const error = new Error('the test wants it');
    hub.failNextPublish(error);
    hub.failNextPublish();

    await expect(hub.publish('a b', { data: 0 })).rejects.toThrow(
      InvalidTopicException,
    );
    await expect(hub.publish('a', { data: 1 })).rejects.toBe(error);
    await expect(
      hub.publish('a', { data: 2, ephemeral: true }),
    ).rejects.toThrow(LogUnavailableException);
    await hub.publish('a', { data: 3 });
    expect(hub.published.map(({ data }) => data)).toEqual([3]);
    hub.failNextPublish(error);
    hub.clear();
    await hub.publish('a', { data: 4 });
    expect(hub.published.map(({ data }) => data)).toEqual([4]);
  });

  it('takes a repeat for none of its own', async () => {
    const hub = new TestEventHub();
    const event = { data: 1, idempotencyKey: 'k' };
    const { id } = await hub.publish('a', event);
    hub.clear();

    expect((await hub.publish('a', event)).id).toBe(id);
    expect(hub.published).toEqual([]);
  });

  it('hands what is published to who listens', async () => {
    const hub = new TestEventHub();
    const seen: unknown[] = [];
    hub.listen({ patterns: ['users.*'] }).subscribe((e) => seen.push(e.data));
    hub
      .listen({ events: [MovieRated], audience: 'all' })
      .subscribe((e) => seen.push(e.data));
    await hub.publish(topic('users', 7), { data: 1 });
    await hub.publish(new MovieRated('Ran'), { users: [7] });
    await hub.settled();

    expect(seen).toEqual([1, { title: 'Ran' }]);
  });

  it('streams to a connection from its cursor, then live, and only what is for it', async () => {
    const hub = new TestEventHub();
    const { data, cursor } = await hub.snapshot(() => 'data');
    await hub.publish('a', { data: 1, users: [7] });
    await hub.publish('a', { data: 2, users: [8] });
    const connection = hub.connection({
      user: { id: 7 },
      lastEventId: cursor,
    });
    const seen: unknown[] = [];
    hub
      .stream({ topics: ['a'], for: connection })
      .subscribe((event) => seen.push(event.data));
    await hub.publish('a', { data: 3 });
    await hub.settled();

    expect(data).toBe('data');
    expect(seen).toEqual([1, 3]);
    expect(hub.presence('a').users).toEqual(['7']);
  });

  it('gives a connection what there is, then what comes', async () => {
    const hub = new TestEventHub();
    await hub.publish('a', { data: 1 });
    await hub.publish('a', { data: 2, users: [8] });
    const connection = hub.connection({ user: { id: 7 } });
    const { events, cursor } = await hub.history({
      topics: ['a'],
      rewind: 'all',
      for: connection,
    });
    const seen: unknown[] = [];
    hub
      .stream({ topics: ['a'], after: cursor, for: connection })
      .subscribe((event) => seen.push(event.data));
    await hub.publish('a', { data: 3 });
    await hub.settled();

    expect(events.map(({ data }) => data as unknown)).toEqual([1]);
    expect(seen).toEqual([3]);
  });

  it('lets a connection join a topic', async () => {
    const hub = new TestEventHub();
    const connection = hub.connection();
    const seen: unknown[] = [];
    hub
      .stream({ topics: ['a'], for: connection })
      .subscribe((event) => seen.push(event.data));
    await hub.publish('b', { data: 1 });
    await hub.settled();
    await connection.join('b', { rewind: 'all' });
    await hub.publish('b', { data: 2 });
    await hub.settled();
    connection.leave('b');
    await hub.publish('b', { data: 3 });
    await hub.settled();

    expect(seen).toEqual([1, 2]);
  });

  it('ends connections by hub.disconnect, and remembers', async () => {
    const hub = new TestEventHub();
    const meant = hub.connection({ user: { id: 7 } });
    const other = hub.connection({ user: { id: 8 } });
    const seen: unknown[] = [];
    for (const connection of [meant, other]) {
      hub
        .stream({ topics: ['a'], for: connection })
        .subscribe((event) => seen.push([connection.user.id, event.data]));
    }
    expect(hub.connections()).toEqual([meant, other]);
    await hub.disconnect({ user: 7 }, 'signed-out');
    await hub.refresh({ user: 8 });
    await hub.publish('a', { data: 1 });
    await hub.settled();

    expect(meant.signal.reason).toBe('signed-out');
    expect(other.signal.aborted).toBe(false);
    expect(seen).toEqual([[8, 1]]);
    expect(hub.connections()).toEqual([other]);
    expect(hub.disconnects).toEqual([
      { criteria: { user: 7 }, reason: 'signed-out' },
    ]);
    expect(hub.refreshes).toEqual([{ user: 8 }]);
    hub.clear();
    expect([hub.disconnects, hub.refreshes]).toEqual([[], []]);
  });

  it('is injected by Nest in the place of EventHub', async () => {
    const module = await Test.createTestingModule({
      providers: [
        MoviesService,
        { provide: EventHub, useClass: TestEventHub },
        {
          provide: TEST_EVENT_HUB_OPTIONS,
          useValue: { validateEvents: false },
        },
      ],
    }).compile();
    const hub = module.get<TestEventHub>(EventHub);
    const service = module.get(MoviesService);
    await service.add({ title: 'Alien' });
    expect(service.rate(1 as never)).toBeInstanceOf(MovieRated);
    await hub.settled();

    expect(hub).toBeInstanceOf(TestEventHub);
    expect(hub.published.map(({ type }) => type)).toEqual([
      'movie.added',
      'movie.rated',
    ]);
    const over = firstValueFrom(hub.listen({ topics: ['a'] }), {
      defaultValue: 'over',
    });
    await module.init();
    await module.close();
    expect(await over).toBe('over');
    expect(hub.health().state).toBe('stopped');
  });

  it('needs no options of Nest', async () => {
    const module = await Test.createTestingModule({
      providers: [{ provide: EventHub, useClass: TestEventHub }],
    }).compile();

    await module.get(EventHub).publish('a', { data: 1 });
    expect(module.get<TestEventHub>(EventHub).published).toHaveLength(1);
  });
});
