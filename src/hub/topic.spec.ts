import fc from 'fast-check';
import {
  InvalidTopicException,
  MAX_TOPIC_LENGTH,
  checkPattern,
  checkTopic,
  matchesPattern,
  topic,
} from './topic.js';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
const awkward = fc
  .array(fc.constantFrom('.', '*', '**', '%', '%2E', ' ', '\n', '\0', 'a'), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(''));
const segments = fc.array(fc.oneof(text, awkward), {
  minLength: 1,
  maxLength: 4,
});

const split = (name: string): readonly string[] => name.split('.');
const matches = (pattern: string, name: string): boolean =>
  matchesPattern(split(pattern), split(name));

/** Each segment brings the dot in front of it. */
function naiveMatch(pattern: string, name: string): boolean {
  const source = split(pattern)
    .map((segment) =>
      segment === '**'
        ? '(?:\\.[^.]+)*'
        : segment === '*'
          ? '\\.[^.]+'
          : `\\.${segment}`,
    )
    .join('');
  return new RegExp(`^${source}$`).test(`.${name}`);
}

describe('topic()', () => {
  it.each([
    [['movies'], 'movies'],
    [['users', 42], 'users.42'],
    [['users', 42n], 'users.42'],
    [['users', 'jane@x.org'], 'users.jane@x%2Eorg'],
    [['users', '*'], 'users.%2A'],
    [['users', '**'], 'users.%2A%2A'],
    [['users', '%2A'], 'users.%252A'],
    [['users', 'a b'], 'users.a%20b'],
    [['users', 'a\r\nb\0'], 'users.a%0D%0Ab%00'],
    [['users', '\u2028'], 'users.%E2%80%A8'],
    [['films', 'Amélie'], 'films.Amélie'],
    [['films', '千と千尋の神隠し'], 'films.千と千尋の神隠し'],
  ] as const)('writes %j as %j', (given, expected) => {
    expect(topic(...given)).toBe(expected);
  });

  it('is injective: no two lists of segments share a topic', () => {
    fc.assert(
      fc.property(segments, segments, (a, b) => {
        expect(topic(...a) === topic(...b)).toBe(
          JSON.stringify(a) === JSON.stringify(b),
        );
      }),
    );
    fc.assert(
      fc.property(segments, (given) => {
        expect(split(topic(...given)).map(decodeURIComponent)).toEqual(given);
      }),
    );
  });

  it('keeps every argument one literal segment', () => {
    fc.assert(
      fc.property(segments, (given) => {
        const name = topic(...given);
        expect(split(name)).toHaveLength(given.length);
        expect(() => checkTopic(name)).not.toThrow();
      }),
    );
  });

  it('gives a user nobody else’s topic, whatever their id is', () => {
    fc.assert(
      fc.property(fc.oneof(text, awkward), text, (id, other) => {
        fc.pre(id !== other);
        expect(matches(topic('users', id), topic('users', other))).toBe(false);
      }),
    );
  });

  it('refuses an empty segment and says which', () => {
    expect(() => topic('users', '')).toThrow(InvalidTopicException);
    expect(() => topic('users', '')).toThrow(/segment 2 is empty/);
  });

  it.each([undefined, null, {}, [], true, Symbol('id')])(
    'refuses a segment that is %p, such as the id of nobody',
    (id) => {
      expect(() => topic('users', id as never)).toThrow(InvalidTopicException);
    },
  );

  it('refuses no segments', () => {
    expect(() => topic()).toThrow(InvalidTopicException);
  });

  it(`refuses what is longer than ${MAX_TOPIC_LENGTH} characters once escaped`, () => {
    expect(topic('.'.repeat(MAX_TOPIC_LENGTH / 3))).toHaveLength(
      MAX_TOPIC_LENGTH,
    );
    expect(() => topic('.'.repeat(MAX_TOPIC_LENGTH / 3 + 1))).toThrow(
      /258 characters; at most 255/,
    );
  });
});

describe('checkTopic', () => {
  it.each(['movies', 'users.42', 'a.b.c', 'ünïcode.日本', 'a-b_c:d/e@f'])(
    'takes %j',
    (name) => {
      expect(() => checkTopic(name)).not.toThrow();
    },
  );

  it.each([
    ['', /non-empty string/],
    [undefined, /non-empty string, not undefined/],
    [42, /non-empty string, not 42/],
    ['users.*', /wildcard.*"patterns".*topic\(\)/],
    ['**', /wildcard/],
    ['a*', /wildcard/],
    ['.a', /empty segment/],
    ['a.', /empty segment/],
    ['a..b', /empty segment/],
    ['a b', /white space, a control character/],
    ['a\n', /white space, a control character/],
    ['a\0', /white space, a control character/],
    ['a\u007f', /white space, a control character/],
    ['a\u00a0b', /white space, a control character/],
    ['a'.repeat(256), /256 characters; at most 255/],
  ])('refuses %j', (name, message) => {
    expect(() => checkTopic(name as string)).toThrow(InvalidTopicException);
    expect(() => checkTopic(name as string)).toThrow(message);
  });

  it('shows control characters escaped in its message', () => {
    expect(() => checkTopic('a\nb')).toThrow('"a\\nb"');
  });
});

describe('checkPattern', () => {
  it.each(['movies', '*', '**', 'users.*', '*.added', 'a.**.b', '**.*'])(
    'takes %j',
    (pattern) => {
      expect(() => checkPattern(pattern)).not.toThrow();
    },
  );

  it.each([
    ['', /non-empty string/],
    ['a*', /wildcard that is not a whole segment/],
    ['users.*x', /wildcard that is not a whole segment/],
    ['***', /wildcard that is not a whole segment/],
    ['a..**', /empty segment/],
    ['* ', /wildcard that is not a whole segment/],
    ['a b.*', /white space, a control character/],
    [`${'*.'.repeat(128)}*`, /257 characters; at most 255/],
  ])('refuses %j', (pattern, message) => {
    expect(() => checkPattern(pattern)).toThrow(InvalidTopicException);
    expect(() => checkPattern(pattern)).toThrow(message);
  });
});

describe('a pattern matches', () => {
  it.each([
    ['movies', 'movies'],
    ['*', 'movies'],
    ['users.*', 'users.42'],
    ['*.added', 'movies.added'],
    ['**', 'movies'],
    ['**', 'a.b.c'],
    ['users.**', 'users'],
    ['users.**', 'users.42.cart'],
    ['**.cart', 'cart'],
    ['**.cart', 'users.42.cart'],
    ['a.**.z', 'a.z'],
    ['a.**.z', 'a.b.c.z'],
    ['a.**.b.**.z', 'a.x.b.b.y.z'],
    ['*.**', 'a'],
  ])('%s: %s', (pattern, name) => {
    expect(matches(pattern, name)).toBe(true);
  });

  it.each([
    ['movies', 'movie'],
    ['movies', 'movies.added'],
    ['*', 'a.b'],
    ['users.*', 'users'],
    ['users.*', 'users.42.cart'],
    ['users.**', 'user.42'],
    ['a.**.z', 'a.b'],
    ['a.**.z', 'a.z.b'],
    ['**.*.*', 'a'],
  ])('not %s: %s', (pattern, name) => {
    expect(matches(pattern, name)).toBe(false);
  });

  it('what a regular expression made from it matches', () => {
    const names = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join('.'));
    const patterns = fc
      .array(fc.constantFrom('a', 'b', '*', '**'), {
        minLength: 1,
        maxLength: 5,
      })
      .map((parts) => parts.join('.'));
    fc.assert(
      fc.property(patterns, names, (pattern, name) => {
        expect(matches(pattern, name)).toBe(naiveMatch(pattern, name));
      }),
      { numRuns: 1_000 },
    );
  });
});
