import type { EventClass, SelectEventsOptions } from '../hub/event-class.js';
import { InvalidStreamException } from '../hub/hub.exceptions.js';
import { InvalidTopicException } from '../hub/topic.js';
import { selectEvents } from './event-selection.js';
import { SseEvent } from './sse-event.decorator.js';

@SseEvent('movie.added', { topic: 'movies' })
class MovieAdded {}

@SseEvent('movie.removed', { topic: 'movies' })
class MovieRemoved {}

@SseEvent('movie.removed', { topic: 'removals' })
class RemovalTold {}

@SseEvent('recommended', { topic: 'users.:userId' })
class Recommended {
  readonly userId: string = '42';
}

@SseEvent('ordered', { topic: 'shops.:shop.orders.:order' })
class Ordered {
  readonly shop: string = '7';
  readonly order: string = '1';
}

type Options = SelectEventsOptions<readonly EventClass[]>;

const select = (options: Options, mayBeOpen = false) =>
  selectEvents('hub.stream', options, mayBeOpen);

describe('A selection by classes', () => {
  it('has their topics and types', () => {
    expect(select({ events: [MovieAdded, MovieRemoved] })).toMatchObject({
      topics: ['movies', 'movies'],
      patterns: [],
      types: ['movie.added', 'movie.removed'],
    });
  });

  it('has of a topic with placeholders what is named, beside the literal ones', () => {
    expect(
      select({
        events: [MovieAdded, Recommended],
        topics: ['users.42', 'users.43'],
      }),
    ).toMatchObject({
      topics: ['movies', 'users.42', 'users.43'],
      patterns: [],
      types: ['movie.added', 'recommended'],
    });
    expect(
      select({ events: [Ordered], patterns: ['shops.7.orders.*'] }),
    ).toMatchObject({
      topics: [],
      patterns: ['shops.7.orders.*'],
      types: ['ordered'],
    });
  });

  it('needs that for a client, who would otherwise get what is for others', () => {
    expect(() => select({ events: [MovieAdded, Recommended] })).toThrow(
      InvalidStreamException,
    );
    expect(() => select({ events: [MovieAdded, Recommended] })).toThrow(
      `hub.stream: the topic of "recommended" is "users.:userId", and a client gets those only that are named: topics: [topic('users', id)], or patterns: ['users.*'] for all of them.`,
    );
    expect(() =>
      select({ events: [Recommended, Ordered], topics: ['users.42'] }),
    ).toThrow('the topic of "ordered"');
  });

  it('stands for all of them where that may be', () => {
    expect(
      select({ events: [MovieAdded, Recommended, Ordered] }, true),
    ).toMatchObject({
      topics: ['movies'],
      patterns: ['users.*', 'shops.*.orders.*'],
      types: ['movie.added', 'recommended', 'ordered'],
    });
    expect(
      select({ events: [Recommended, Ordered], topics: ['users.42'] }, true),
    ).toMatchObject({
      topics: ['users.42'],
      patterns: ['shops.*.orders.*'],
      types: ['recommended', 'ordered'],
    });
  });

  it('keeps out what others publish with their types on their topics', () => {
    const { where } = select({
      events: [MovieAdded, MovieRemoved, Recommended, RemovalTold],
      topics: ['users.42'],
    });
    const accepts = (topic: string, type: string) => where!({ topic, type });

    expect(accepts('movies', 'movie.removed')).toBe(true);
    expect(accepts('users.42', 'recommended')).toBe(true);
    expect(accepts('removals', 'movie.removed')).toBe(true);
    expect(accepts('users.42', 'movie.removed')).toBe(false);
    expect(accepts('movies', 'recommended')).toBe(false);
    expect(accepts('users.42.cart', 'recommended')).toBe(false);
  });

  it('asks "where" about what is left, and hands on what is none', () => {
    const asked: unknown[] = [];
    const { where } = selectEvents(
      'hub.stream',
      { events: [MovieAdded], where: (event) => asked.push(event) > 1 },
      false,
    );
    const event = { topic: 'movies', type: 'movie.added' };

    expect(where!({ ...event, topic: 'users' })).toBe(false);
    expect(asked).toEqual([]);
    expect([where!(event), where!(event)]).toEqual([false, true]);
    expect(asked).toEqual([event, event]);
    const wrong = { events: [MovieAdded], where: 'x' } as unknown as Options;
    expect(select(wrong).where).toBe('x');
  });

  it('refuses a topic or pattern that none of them is published on', () => {
    for (const options of [
      { topics: ['user.42'] },
      { topics: ['users.42.cart'] },
      { patterns: ['shops.*'] },
    ]) {
      expect(() =>
        select({ events: [MovieAdded, Recommended], ...options }),
      ).toThrow(
        `is no topic of these events, which are published on "movies", "users.:userId".`,
      );
    }
  });

  it.each<[string, unknown, string]>([
    ['no classes', { events: [] }, '"events" is empty'],
    ['one class', { events: MovieAdded }, '"events" must be an array'],
    [
      'a class without decorator',
      { events: [class Plain {}] },
      'Plain is no class with @SseEvent()',
    ],
    ['no class', { events: [undefined] }, 'undefined is no class'],
    [
      'types beside',
      { events: [MovieAdded], types: ['movie.added'] },
      '"types" beside "events"',
    ],
    [
      'topics that are no array',
      { events: [MovieAdded], topics: 'movies' },
      '"topics" must be an array',
    ],
  ])('refuses %s', (_, options, flaw) => {
    expect(() => select(options as Options)).toThrow(InvalidStreamException);
    expect(() => select(options as Options)).toThrow(flaw);
  });

  it('refuses malformed topics and patterns', () => {
    for (const options of [
      { topics: ['users.*'] },
      { patterns: ['users.a*'] },
    ]) {
      expect(() => select({ events: [Recommended], ...options })).toThrow(
        InvalidTopicException,
      );
    }
  });
});
