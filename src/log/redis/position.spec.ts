import fc from 'fast-check';
import { isCursor } from '../cursor.js';
import { BEGINNING, readCursor, toCursor } from './position.js';

const ids = fc.tuple(
  fc.nat({ max: 36 ** 9 - 1 }),
  fc.nat({ max: 36 ** 5 - 1 }),
);

const textOf = ([ms, sequence]: [number, number]) => `${ms}-${sequence}`;

describe('A position in a stream', () => {
  it('makes cursors whose byte order is the order of the stream', () => {
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const order = Math.sign(a[0] - b[0] || a[1] - b[1]);
        const [x, y] = [toCursor('e1', textOf(a)), toCursor('e1', textOf(b))];
        expect(x < y ? -1 : x > y ? 1 : 0).toBe(order);
        expect(x).toHaveLength(y.length);
        expect(isCursor(x)).toBe(true);
      }),
    );
  });

  it('comes back from its cursor', () => {
    fc.assert(
      fc.property(ids, (id) => {
        expect(readCursor(toCursor('e1', textOf(id)))).toEqual({
          epoch: 'e1',
          id: textOf(id),
        });
      }),
    );
    expect(readCursor(toCursor('e', BEGINNING))?.id).toBe(BEGINNING);
  });

  it.each([
    `${36 ** 9}-0`,
    `1-${36 ** 5}`,
    '18446744073709551615-18446744073709551615',
    'nonsense',
  ])('that fits no cursor is refused: %s', (id) => {
    expect(() => toCursor('e', id)).toThrow(RangeError);
  });

  it.each([
    '',
    'e',
    'e-1',
    'e-0000000000000',
    'e-000000000000000',
    'E-00000000000000',
    'a-b-00000000000000',
  ])('is not read from %p', (cursor) => {
    expect(readCursor(cursor)).toBeUndefined();
  });
});
