import fc from 'fast-check';
import { MAX_CURSOR_LENGTH, cursorAt, epochOf, isCursor } from './cursor.js';

const epochs = fc.stringMatching(/^[0-9a-z]{1,40}$/);
const positions = fc.maxSafeNat();

describe('cursorAt', () => {
  it('orders cursors of one epoch, as bytes, as their positions', () => {
    fc.assert(
      fc.property(epochs, positions, positions, (epoch, a, b) => {
        const order = Buffer.compare(
          Buffer.from(cursorAt(epoch, a)),
          Buffer.from(cursorAt(epoch, b)),
        );
        expect(order).toBe(Math.sign(a - b));
        expect(cursorAt(epoch, a) < cursorAt(epoch, b)).toBe(a < b);
      }),
    );
  });

  it.each([
    [9, 10],
    [35, 36],
    [36 ** 2 - 1, 36 ** 2],
    [2 ** 32 - 1, 2 ** 32],
    [Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER],
  ])('keeps %d before %d, where the number of digits changes', (a, b) => {
    expect(cursorAt('e', a) < cursorAt('e', b)).toBe(true);
  });

  it('gives every cursor of an epoch the same length', () => {
    fc.assert(
      fc.property(epochs, positions, (epoch, position) => {
        expect(cursorAt(epoch, position)).toHaveLength(
          cursorAt(epoch, 0).length,
        );
      }),
    );
  });

  it('makes what isCursor takes and epochOf reads back', () => {
    fc.assert(
      fc.property(epochs, positions, (epoch, position) => {
        const cursor = cursorAt(epoch, position);
        expect(isCursor(cursor)).toBe(true);
        expect(epochOf(cursor)).toBe(epoch);
      }),
    );
  });
});

describe('isCursor', () => {
  it.each([
    '',
    '-',
    'epoch',
    'epoch-',
    '-00000000001',
    'Epoch-1',
    'e_1-1',
    'e-1\n',
    'e-1\r\nevent: x',
    'e-1\0',
    ' e-1',
    'e-1 ',
    'é-1',
    '*',
    '42',
  ])('refuses %j', (text) => {
    expect(isCursor(text)).toBe(false);
  });

  it('takes a position with dashes, which an adapter may make', () => {
    expect(isCursor('r1-1700000000000-00000000000')).toBe(true);
    expect(epochOf('r1-1700000000000-00000000000')).toBe('r1');
  });

  it(`takes ${MAX_CURSOR_LENGTH} bytes and not one more`, () => {
    expect(isCursor(`e-${'0'.repeat(MAX_CURSOR_LENGTH - 2)}`)).toBe(true);
    expect(isCursor(`e-${'0'.repeat(MAX_CURSOR_LENGTH - 1)}`)).toBe(false);
  });

  it('takes only what can stand in a header and a query as it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.stringMatching(/^[0-9a-z-]{1,20}.{0,2}$/),
        ),
        (text) => {
          const isSafe = /^[0-9a-z]+-[0-9a-z-]+$/.test(text);
          expect(isCursor(text)).toBe(
            isSafe && Buffer.byteLength(text) <= MAX_CURSOR_LENGTH,
          );
        },
      ),
    );
  });
});
