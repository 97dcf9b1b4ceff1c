import fc from 'fast-check';
import type { Audience } from '../log/event-log.js';
import { CONTROL_TOPIC } from './control-entry.js';
import { HubEvent } from './hub-event.js';
import { InvalidStreamException } from './hub.exceptions.js';
import { Selection } from './selection.js';
import type { Listener, SelectionOptions } from './selection.js';
import { InvalidTopicException } from './topic.js';

function eventOf({
  topic = 'movies',
  type = 'message',
  text = '1',
  audience,
}: {
  topic?: string;
  type?: string;
  text?: string;
  audience?: Audience;
} = {}): HubEvent {
  return new HubEvent({ topic, type, text, audience, time: 0 });
}

const select = (options: SelectionOptions, listener: Listener = {}) =>
  new Selection('hub.stream', options, listener);

const maySee = (listener: Listener, audience?: Audience): boolean =>
  select({ topics: ['movies'] }, listener).covers(eventOf({ audience }));

describe('a selection covers', () => {
  it('its topics, and no topic below or above them', () => {
    const selection = select({ topics: ['movies', 'users.42'] });

    expect(selection.covers(eventOf({ topic: 'movies' }))).toBe(true);
    expect(selection.covers(eventOf({ topic: 'users.42' }))).toBe(true);
    expect(selection.covers(eventOf({ topic: 'users' }))).toBe(false);
    expect(selection.covers(eventOf({ topic: 'movies.added' }))).toBe(false);
  });

  it('its patterns', () => {
    const selection = select({ topics: ['a'], patterns: ['users.*', '**.x'] });

    expect(selection.covers(eventOf({ topic: 'users.42' }))).toBe(true);
    expect(selection.covers(eventOf({ topic: 'b.c.x' }))).toBe(true);
    expect(selection.covers(eventOf({ topic: 'a' }))).toBe(true);
    expect(selection.covers(eventOf({ topic: 'users.42.cart' }))).toBe(false);
  });
});

describe('a selection', () => {
  it('covers no entry of the hub’s own, whatever its patterns', () => {
    const all = select({ patterns: ['**', '*'] }, { all: true });

    expect(all.covers(eventOf({ topic: CONTROL_TOPIC }))).toBe(false);
    expect(all.coversTopic(CONTROL_TOPIC)).toBe(false);
    expect(all.coversTopic('movies')).toBe(true);
  });

  it('covers a topic whoever listens', () => {
    const selection = select({ topics: ['a'], patterns: ['users.*'] });

    expect(selection.coversTopic('a')).toBe(true);
    expect(selection.coversTopic('users.42')).toBe(true);
    expect(selection.coversTopic('users')).toBe(false);
  });

  it('is the same for another listener, but for whom it is', () => {
    const listener = { userId: '7', roles: ['editor'] };
    const selection = select(
      {
        topics: ['a'],
        patterns: ['b.*'],
        types: ['added'],
        where: ({ data }: { data: number }) => data > 1,
      },
      listener,
    );
    const renewed = selection.withListener({ userId: '7', roles: ['reader'] });

    expect(selection.withListener(listener)).toBe(selection);
    const ofEditors = eventOf({
      topic: 'b.1',
      audience: { roles: ['editor'] },
    });
    expect(selection.covers(ofEditors)).toBe(true);
    expect(renewed.covers(ofEditors)).toBe(false);
    const ofReaders = eventOf({ topic: 'a', audience: { roles: ['reader'] } });
    expect(renewed.covers(ofReaders)).toBe(true);
    expect(renewed.accepts(eventOf({ type: 'added', text: '2' }))).toBe(true);
    expect(renewed.accepts(eventOf({ type: 'added', text: '1' }))).toBe(false);
    expect(renewed.accepts(eventOf({ type: 'gone', text: '2' }))).toBe(false);
  });
});

describe('an audience is', () => {
  const everyone = [
    {},
    { userId: '42' },
    { roles: ['admin'] },
    { userId: '42', roles: [] },
    { all: true },
  ];

  it.each(everyone)('everyone, when the event has none: %j', (listener) => {
    expect(maySee(listener)).toBe(true);
  });

  it.each<Audience>([
    {},
    { users: [] },
    { roles: [] },
    { users: [], roles: [] },
  ])('nobody, when it is %j', (audience) => {
    expect(maySee({}, audience)).toBe(false);
    expect(maySee({ userId: '42', roles: ['admin'] }, audience)).toBe(false);
    expect(maySee({ userId: '', roles: [''] }, audience)).toBe(false);
  });

  it('the users that it names', () => {
    expect(maySee({ userId: '42' }, { users: ['7', '42'] })).toBe(true);
    expect(maySee({ userId: '4' }, { users: ['7', '42'] })).toBe(false);
    expect(maySee({}, { users: ['undefined'] })).toBe(false);
  });

  it('whoever has one of the roles that it names', () => {
    const audience = { roles: ['admin', 'editor'] };

    expect(maySee({ roles: ['reader', 'editor'] }, audience)).toBe(true);
    expect(maySee({ roles: ['reader'] }, audience)).toBe(false);
    expect(maySee({ roles: [] }, audience)).toBe(false);
    expect(maySee({}, audience)).toBe(false);
  });

  it('both, when it names users and roles', () => {
    const audience = { users: ['42'], roles: ['admin'] };

    expect(maySee({ userId: '42' }, audience)).toBe(true);
    expect(maySee({ userId: '7', roles: ['admin'] }, audience)).toBe(true);
    expect(maySee({ userId: '7', roles: ['reader'] }, audience)).toBe(false);
  });

  it('never met by a user who has a role’s name as id, nor the other way round', () => {
    expect(maySee({ userId: 'admin' }, { roles: ['admin'] })).toBe(false);
    expect(maySee({ roles: ['42'] }, { users: ['42'] })).toBe(false);
  });

  it('no bar to server code that asked for all', () => {
    expect(maySee({ all: true }, { users: ['42'] })).toBe(true);
    expect(maySee({ all: true }, {})).toBe(true);
    expect(maySee({ all: false }, { users: ['42'] })).toBe(false);
  });

  it('met exactly when user or role is named', () => {
    const ids = fc.constantFrom('a', 'b', 'c');
    const lists = fc.option(fc.array(ids, { maxLength: 2 }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(
        fc.record({
          userId: fc.option(ids, { nil: undefined }),
          roles: lists,
        }),
        fc.record({ users: lists, roles: lists }),
        (listener, audience) => {
          const isUser = audience.users?.some((id) => id === listener.userId);
          const hasRole = audience.roles?.some((role) =>
            listener.roles?.includes(role),
          );
          expect(maySee(listener, audience)).toBe(Boolean(isUser || hasRole));
        },
      ),
    );
  });
});

describe('a selection accepts', () => {
  it('every type when none is said', () => {
    expect(select({ topics: ['a'] }).accepts(eventOf({ type: 'x' }))).toBe(
      true,
    );
  });

  it('only the types that it names', () => {
    const selection = select({ topics: ['a'], types: ['x', 'y'] });

    expect(selection.accepts(eventOf({ type: 'y' }))).toBe(true);
    expect(selection.accepts(eventOf({ type: 'z' }))).toBe(false);
  });

  it('what its predicate says, asked only for its types', () => {
    const asked: string[] = [];
    const selection = select({
      topics: ['a'],
      types: ['x'],
      where: ({ type, data }: HubEvent<string, string, number>) => {
        asked.push(type);
        return data > 1;
      },
    });

    expect(selection.accepts(eventOf({ type: 'x', text: '2' }))).toBe(true);
    expect(selection.accepts(eventOf({ type: 'x', text: '1' }))).toBe(false);
    expect(selection.accepts(eventOf({ type: 'y', text: '2' }))).toBe(false);
    expect(asked).toEqual(['x', 'x']);
  });

  it('nothing when its predicate throws: the error comes through', () => {
    const selection = select({
      topics: ['a'],
      where: () => {
        throw new RangeError('poison');
      },
    });

    expect(() => selection.accepts(eventOf())).toThrow(RangeError);
  });
});

describe('a selection refuses', () => {
  it.each<[string, SelectionOptions]>([
    ['nothing to select', {}],
    ['empty lists', { topics: [], patterns: [] }],
    ['types alone', { types: ['x'] }],
  ])('%s', (_, options) => {
    expect(() => select(options)).toThrow(InvalidStreamException);
    expect(() => select(options)).toThrow(
      /^hub\.stream: no topics and no patterns/,
    );
  });

  it.each(['topics', 'patterns', 'types'])(
    '%s that are no array, naming them',
    (name) => {
      const options = { topics: ['a'], [name]: 'movies' };

      expect(() => select(options)).toThrow(InvalidStreamException);
      expect(() => select(options)).toThrow(
        `hub.stream: "${name}" must be an array of strings`,
      );
    },
  );

  it('a predicate that is no function', () => {
    expect(() => select({ topics: ['a'], where: true as never })).toThrow(
      'hub.stream: "where" must be a function of the event',
    );
  });

  it('a wildcard among topics, and what is malformed among patterns', () => {
    expect(() => select({ topics: ['users.*'] })).toThrow(
      InvalidTopicException,
    );
    expect(() => select({ patterns: ['users.x*'] })).toThrow(
      InvalidTopicException,
    );
    expect(() => select({ topics: [undefined as never] })).toThrow(
      InvalidTopicException,
    );
  });
});

it('a selection holds each topic and pattern once', () => {
  const selection = select({ topics: ['a', 'a'], patterns: ['*', '*'] });

  expect([...selection.topics]).toEqual(['a']);
  expect(selection.patterns).toEqual(['*']);
});

describe('a selection with other topics', () => {
  const selection = select(
    {
      topics: ['a'],
      patterns: ['p.*'],
      types: ['t'],
      where: ({ data }) => data,
    },
    { userId: '42' },
  );

  it('has the types, predicate, patterns and listener of the first', () => {
    const other = selection.withTopics(['b', 'c']);

    expect([other.topics, other.patterns]).toEqual([['b', 'c'], ['p.*']]);
    expect(other.listener).toBe(selection.listener);
    expect(other.accepts(eventOf({ type: 't', text: 'true' }))).toBe(true);
    expect(other.accepts(eventOf({ type: 't', text: 'false' }))).toBe(false);
    expect(other.accepts(eventOf({ type: 'u', text: 'true' }))).toBe(false);
    expect(selection.topics).toEqual(['a']);
  });

  it('of which there are none selects nothing', () => {
    const none = selection.withTopics([], []);

    expect(none.coversTopic('a')).toBe(false);
    expect(none.coversTopic('p.a')).toBe(false);
  });

  it('has what was joined, and not what was left', () => {
    const moved = new Map([
      ['a', false],
      ['b', true],
      ['c', false],
    ]);

    expect(selection.withMoved(moved).topics).toEqual(['b']);
    expect(selection.withMoved(new Map()).topics).toEqual(['a']);
    expect(selection.withMoved(undefined)).toBe(selection);
  });
});
