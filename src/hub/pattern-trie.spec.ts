import { jest } from '@jest/globals';
import fc from 'fast-check';
import { PatternTrie } from './pattern-trie.js';
import { matchesPattern } from './topic.js';

const names = (segments: string[], maxLength: number) =>
  fc
    .array(fc.constantFrom(...segments), { minLength: 1, maxLength })
    .map((parts) => parts.join('.'));
const topics = names(['a', 'b', 'c'], 5);
const patterns = names(['a', 'b', '*', '**'], 4);
const patternSets = fc.uniqueArray(patterns, { maxLength: 8 });

function trieOf(set: readonly string[]): PatternTrie<string> {
  const trie = new PatternTrie<string>();
  set.forEach((pattern) => trie.set(pattern, pattern));
  return trie;
}

describe('PatternTrie', () => {
  it('finds the patterns that matchesPattern says match', () => {
    fc.assert(
      fc.property(patternSets, topics, (set, topic) => {
        const expected = set.filter((pattern) =>
          matchesPattern(pattern.split('.'), topic.split('.')),
        );
        expect([...trieOf(set).match(topic)].sort()).toEqual(expected.sort());
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds a value once, however many ways its pattern matches', () => {
    const trie = trieOf(['**.a.**']);

    expect([...trie.match('a.a.a')]).toEqual(['**.a.**']);
  });

  it('gives a pattern’s own value back, and no prefix’s', () => {
    const trie = trieOf(['a.*', 'a.*.c']);

    expect(trie.get('a.*')).toBe('a.*');
    expect(trie.get('a')).toBeUndefined();
    expect(trie.get('a.b')).toBeUndefined();
    expect(trie.get('a.*.c.d')).toBeUndefined();
  });

  it('counts a pattern that is set again once', () => {
    const trie = trieOf(['a.*']);
    trie.set('a.*', 'new');

    expect(trie.size).toBe(1);
    expect([...trie.match('a.b')]).toEqual(['new']);
  });

  it('forgets exactly what is deleted', () => {
    fc.assert(
      fc.property(patternSets, patternSets, topics, (set, gone, topic) => {
        const trie = trieOf(set);
        gone.forEach((pattern) => trie.delete(pattern));
        const left = set.filter((pattern) => !gone.includes(pattern));
        expect(trie.size).toBe(left.length);
        expect([...trie.values()].sort()).toEqual([...left].sort());
        expect([...trie.match(topic)].sort()).toEqual(
          [...trieOf(left).match(topic)].sort(),
        );
      }),
    );
  });

  it('holds nothing once everything is deleted, in any order', () => {
    fc.assert(
      fc.property(
        patternSets.chain((set) =>
          fc.tuple(
            fc.constant(set),
            fc.shuffledSubarray(set, { minLength: set.length }),
          ),
        ),
        ([set, order]) => {
          const trie = trieOf(set);
          order.forEach((pattern) => trie.delete(pattern));
          expect(trie.size).toBe(0);
          expect([...trie.values()]).toEqual([]);
        },
      ),
    );
  });

  it('leaves no node behind for what is deleted', () => {
    const trie = trieOf(['kept.*']);
    for (let n = 0; n < 10; n++) {
      trie.set(`users.${n}.**`, 'gone');
      trie.set(`users.${n}`, 'gone');
      trie.delete(`users.${n}.**`);
      trie.delete(`users.${n}`);
    }
    const visits = jest.spyOn(Map.prototype, 'values');
    const left = [...trie.values()];
    const nodes = visits.mock.calls.length;
    visits.mockRestore();

    expect(left).toEqual(['kept.*']);
    // The root, `kept` and `*`.
    expect(nodes).toBe(3);
  });

  it('keeps a pattern whose longer or shorter one is deleted', () => {
    const trie = trieOf(['a', 'a.b', 'a.b.c']);
    trie.delete('a.b');
    trie.delete('a.x');

    expect([...trie.values()].sort()).toEqual(['a', 'a.b.c']);
  });
});
