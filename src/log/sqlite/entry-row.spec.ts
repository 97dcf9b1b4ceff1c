import fc from 'fast-check';
import { cursorAt } from '../cursor.js';
import { positionOf, toEntry, toRow } from './entry-row.js';

const text = fc.string({ unit: 'grapheme' });
const texts = fc.array(text, { maxLength: 3 });

const records = fc.record(
  {
    topic: text,
    type: text,
    data: fc.oneof(text, fc.constant('a\0b')),
    time: fc.integer(),
    audience: fc.record(
      { users: texts, roles: texts },
      { requiredKeys: [], noNullPrototype: true },
    ),
    // Also halves of surrogate pairs.
    idempotencyKey: fc.string({ unit: 'binary' }),
  },
  { requiredKeys: ['topic', 'type', 'data', 'time'], noNullPrototype: true },
);

describe('A record', () => {
  it('comes back from its row as it was', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(toEntry(toRow(record), 'e-1')).toStrictEqual({
          ...record,
          cursor: 'e-1',
        });
      }),
    );
  });

  it('with another key has another text for it in UTF-8', () => {
    const keys = ['\ud800', '\ud801', '\ufffd', 'a', 'a\0', 'a\0b'];
    const stored = keys.map((idempotencyKey) =>
      Buffer.from(
        toRow({ topic: 't', type: 't', data: '', time: 1, idempotencyKey })
          .key!,
      ).toString(),
    );

    expect(new Set(stored).size).toBe(keys.length);
  });
});

describe('positionOf', () => {
  it('is the inverse of cursorAt', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (position) => {
        expect(positionOf(cursorAt('e', position), 'e')).toBe(position);
      }),
    );
  });

  it.each([
    '',
    '-',
    'e',
    'e-',
    'e--',
    'e-_',
    'other-00000000005',
    'ee-00000000005',
  ])('is before everything for %j', (cursor) => {
    expect(positionOf(cursor, 'e')).toBe(0);
  });
});
