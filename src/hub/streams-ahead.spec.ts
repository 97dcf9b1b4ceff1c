import fc from 'fast-check';
import { StreamsAhead } from './streams-ahead.js';

const at = (position: number): string => String(position).padStart(3, '0');

describe('StreamsAhead', () => {
  it('tells of a cursor when its place is passed, and not when it is met', () => {
    const ahead = new StreamsAhead<string>();
    ahead.add('lost', at(5));
    ahead.add('there', at(7));
    ahead.add('later', at(9));

    expect(ahead.meet(at(4))).toEqual([]);
    expect(ahead.meet(at(7))).toEqual(['lost']);
    expect(ahead.meet(at(8))).toEqual([]);
    ahead.delete('later');
    expect(ahead.meet(at(20))).toEqual([]);
  });

  it('forgets all of a history that is left', () => {
    const ahead = new StreamsAhead<string>();
    ahead.add('a', at(5));
    ahead.clear();

    expect(ahead.meet(at(6))).toEqual([]);
  });

  it('tells of each stream once and of those whose cursor is no place, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(50)),
        fc.uniqueArray(fc.nat(50)),
        (cursors, places) => {
          const ahead = new StreamsAhead<number>();
          cursors.forEach((cursor) => ahead.add(cursor, at(cursor)));
          const met = [...places].sort((a, b) => a - b);
          const told = met.flatMap((place) => ahead.meet(at(place)));
          const last = met.at(-1) ?? -1;

          const lost = cursors.filter(
            (cursor) => cursor <= last && !met.includes(cursor),
          );
          expect(new Set(told)).toEqual(new Set(lost));
          expect(told).toHaveLength(lost.length);
        },
      ),
    );
  });
});
