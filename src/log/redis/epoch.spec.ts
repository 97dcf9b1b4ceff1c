import fc from 'fast-check';
import { isCursor } from '../cursor.js';
import { isEpoch, newEpoch, nextEpoch, ROOT_WIDTH } from './epoch.js';
import { BEGINNING, toCursor } from './position.js';

// Below the last of all, so that each step can have a later one than the step before.
const times = fc.nat({ max: 36 ** 9 - 10 });
const salts = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const rootOf = (epoch: string) => epoch.slice(0, ROOT_WIDTH);

describe('An epoch', () => {
  it('is followed by greater ones of the same root, whatever the clock says', () => {
    fc.assert(
      fc.property(
        times,
        fc.array(fc.tuple(times, salts), { minLength: 1, maxLength: 5 }),
        (begin, steps) => {
          const first = newEpoch(begin, () => 0.5);
          let epoch = first;
          for (const [now, salt] of steps) {
            const next = nextEpoch(epoch, now, () => salt);
            expect(next > epoch).toBe(true);
            expect(rootOf(next)).toBe(rootOf(first));
            expect(next.length).toBeLessThan(ROOT_WIDTH * 2);
            // Cursors of the one come before those of the other as well.
            const [a, b] = [
              toCursor(epoch, `${36 ** 9 - 1}-0`),
              toCursor(next, BEGINNING),
            ];
            expect(a < b).toBe(true);
            expect(isCursor(b)).toBe(true);
            epoch = next;
          }
        },
      ),
    );
  });

  it('of a later history is greater, and shares nothing with an earlier one', () => {
    fc.assert(
      fc.property(
        times,
        fc.integer({ min: 1, max: 1e9 }),
        salts,
        salts,
        (at, more, a, b) => {
          const earlier = newEpoch(at, () => a);
          const later = newEpoch(Math.min(at + more, 36 ** 9 - 1), () => b);
          expect(later > nextEpoch(earlier, at, () => a)).toBe(true);
          expect(rootOf(earlier)).not.toBe(rootOf(later));
        },
      ),
    );
  });

  it('is one of this log, or is not', () => {
    expect(isEpoch(newEpoch(Date.now(), Math.random))).toBe(true);
    expect(isEpoch(nextEpoch(newEpoch(1, Math.random), 2, Math.random))).toBe(
      true,
    );
    for (const text of ['', 'm1', 'short', 'UPPERCASE1234567']) {
      expect(isEpoch(text)).toBe(false);
    }
  });
});
