import fc from 'fast-check';
import { covers, overlaps } from './pattern-relations.js';
import { MAX_TOPIC_LENGTH, matchesPattern } from './topic.js';

const matches = (pattern: string, topic: string) =>
  matchesPattern(pattern.split('.'), topic.split('.'));

describe('covers', () => {
  it.each([
    ['a.b', 'a.b'],
    ['*', 'a'],
    ['*', '*'],
    ['**', 'a.*.b'],
    ['**', '**'],
    ['a.*', 'a.b'],
    ['a.**', 'a'],
    ['a.**', 'a.**'],
    ['a.**', 'a.*.**.b'],
    ['**.b', 'a.**.b'],
    ['**.b.**', 'a.**.b'],
    ['a.**.c', 'a.b.**.c'],
    ['**.*', '*.**'],
    // No topic is empty.
    ['*.**', '**'],
    ['**.*', '**.**'],
    // One half of "other" is matched by "*", the other by "**".
    ['*.**', '**.a'],
    ['**.a.*.**', 'a.**.a.b'],
    ['**.a.**.b.**', '**.a.*.b.**.c'],
  ])('%s covers %s', (pattern, other) => {
    expect(covers(pattern, other)).toBe(true);
  });

  it.each([
    ['a', '*'],
    ['a.b', 'a.*'],
    ['*', '**'],
    ['*.*.**', '**'],
    ['a.*', 'a.**'],
    ['a.*.**', 'a.**'],
    ['a.*.**', '**'],
    ['**.b', '**'],
    ['a.**.b', 'a.**'],
    ['a.**.b', 'a.**.c'],
    ['a.*.b', 'a.**.b'],
    ['orders.*', 'orders.*.items'],
    ['**.a.*.b.**', 'a.**.b'],
    ['users.42', 'users.*'],
  ])('%s does not cover %s', (pattern, other) => {
    expect(covers(pattern, other)).toBe(false);
  });
});

describe('overlaps', () => {
  it.each([
    ['a.b', 'a.b'],
    ['a.*', '*.b'],
    ['a.**', '**.b'],
    ['**.a', 'b.**'],
    ['a.**.b', 'a.b'],
    ['a.**.b.**.c', 'a.*.*.c'],
    ['**', '*'],
    ['*.**', '**.a'],
    ['a.**', '*'],
  ])('%s and %s', (one, other) => {
    expect(overlaps(one, other)).toBe(true);
    expect(overlaps(other, one)).toBe(true);
  });

  it.each([
    ['a', 'b'],
    ['a.*', 'a'],
    ['a.*', 'b.*'],
    ['a.**', 'b.**'],
    ['**.a', '**.b'],
    ['*.*', '*'],
    ['a.**.b', 'a'],
    ['a.*.b', 'a.b'],
  ])('not %s and %s', (one, other) => {
    expect(overlaps(one, other)).toBe(false);
    expect(overlaps(other, one)).toBe(false);
  });
});

describe('For any patterns', () => {
  const LITERALS = ['a', 'b'];
  const pattern = fc
    .array(fc.constantFrom(...LITERALS, '*', '*', '**', '**'), {
      minLength: 1,
      maxLength: 6,
    })
    .filter(
      (segments) => segments.filter((segment) => segment === '**').length <= 3,
    )
    .map((segments) => segments.join('.'));
  const topic = fc
    .array(fc.constantFrom(...LITERALS, 'x'), { minLength: 1, maxLength: 9 })
    .map((segments) => segments.join('.'));

  /** What a pattern matches, with 0 to `most` segments of its own for each `**`. */
  function topicsOf(
    segments: readonly string[],
    most: number,
    wild: readonly string[],
  ): string[][] {
    let topics: string[][] = [[]];
    for (const segment of segments) {
      let endings: string[][] = [[segment]];
      if (segment === '*') {
        endings = wild.map((name) => [name]);
      } else if (segment === '**') {
        endings = [[]];
        for (let length = 1; length <= most; length++) {
          endings.push(
            ...endings
              .filter((ending) => ending.length === length - 1)
              .flatMap((ending) => wild.map((name) => [...ending, name])),
          );
        }
      }
      topics = topics.flatMap((start) =>
        endings.map((ending) => [...start, ...ending]),
      );
    }
    return topics.filter(({ length }) => length > 0);
  }

  it('what is covered matches wherever the other one matches', () => {
    fc.assert(
      fc.property(pattern, pattern, topic, (one, other, name) => {
        fc.pre(covers(one, other) && matches(other, name));
        expect(matches(one, name)).toBe(true);
      }),
      { numRuns: 2_000, maxSkipsPerRun: 1_000 },
    );
  });

  it('what is not covered fails for a topic that the other one matches', () => {
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const own = one.split('.');
        const topics = topicsOf(other.split('.'), own.length + 1, ['x']);
        expect(covers(one, other)).toBe(
          topics.every((name) => matchesPattern(own, name)),
        );
      }),
      { numRuns: 3_000 },
    );
  });

  it('they overlap if and only if a topic is matched by both', () => {
    const short = pattern.filter((name) => name.split('.').length <= 4);
    // A shortest common topic has no more segments than both name, and needs no others.
    const topics = topicsOf(['**'], 6, LITERALS);
    fc.assert(
      fc.property(short, short, (one, other) => {
        const [own, others] = [one.split('.'), other.split('.')];
        expect(overlaps(one, other)).toBe(
          topics.some(
            (name) => matchesPattern(own, name) && matchesPattern(others, name),
          ),
        );
      }),
      { numRuns: 3_000 },
    );
  });

  it('whoever covers overlaps, and every pattern covers itself', () => {
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        expect(covers(one, one)).toBe(true);
        fc.pre(covers(one, other));
        expect(overlaps(one, other)).toBe(true);
      }),
    );
  });

  it('covering is transitive', () => {
    fc.assert(
      fc.property(pattern, pattern, pattern, (one, two, three) => {
        fc.pre(covers(one, two) && covers(two, three));
        expect(covers(one, three)).toBe(true);
      }),
      { maxSkipsPerRun: 10_000 },
    );
  });

  it('the longest patterns are compared in a bounded number of steps', () => {
    const stars = Array<string>(60).fill('*').join('.');
    const letters = Array<string>(60).fill('a').join('.');
    const wide = `**.a.${stars}.**.${stars}.**`;
    const narrow = `**.a.${stars}.**.${letters}.**`;
    const other = `**.b.${stars}.**.${letters}.**`;
    for (const name of [wide, narrow, other]) {
      expect(name.length).toBeLessThanOrEqual(MAX_TOPIC_LENGTH);
      expect(covers(name, name)).toBe(true);
    }
    expect(covers(wide, narrow)).toBe(true);
    expect(covers(narrow, wide)).toBe(false);
    expect(covers(narrow, other)).toBe(false);
    expect(overlaps(narrow, other)).toBe(true);
  });
});
