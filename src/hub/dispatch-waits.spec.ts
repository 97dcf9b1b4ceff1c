import { jest } from '@jest/globals';
import { cursorAt } from '../log/cursor.js';
import { LogUnavailableException } from '../log/log.exceptions.js';
import { DispatchWaits } from './dispatch-waits.js';

const at = (position: number, epoch = 'a') => cursorAt(epoch, position);

describe('who waits for an entry to be met', () => {
  it('does not wait for one that has been met', async () => {
    await new DispatchWaits().add(at(1), at(1), false);
  });

  it('waits until it is met, and no longer', async () => {
    const waits = new DispatchWaits();
    const met: number[] = [];
    const both = [2, 3].map((n) =>
      waits.add(at(n), at(1), false).then(() => met.push(n)),
    );
    waits.resolve(at(2));
    await both[0];
    expect(met).toEqual([2]);
    waits.resolve(at(3));
    await both[1];
    expect(met).toEqual([2, 3]);
  });

  it('does not take a place in another history for it', async () => {
    const waits = new DispatchWaits();
    const lost = waits.add(at(9), at(1), false);
    const there = waits.add(at(1, 'b'), at(9), false);
    const ahead = waits.add(at(10, 'b'), at(9), false);
    waits.settle(at(9, 'b'), at(9));
    await there;
    await expect(lost).rejects.toThrow(LogUnavailableException);
    waits.resolve(at(10, 'b'));
    await ahead;
  });

  it('is told when its history was left before', async () => {
    const waits = new DispatchWaits();
    waits.settle(at(9, 'b'), at(9));
    await expect(waits.add(at(10), at(9, 'b'), false)).rejects.toThrow(
      LogUnavailableException,
    );
  });

  it('is told when it takes too long, and what becomes of the entry', async () => {
    jest.useFakeTimers();
    const waits = new DispatchWaits(5_000);
    const outcomes: string[] = [];
    const late = waits.add(at(2), at(1), false).catch((error: Error) => {
      outcomes.push(error.message);
    });
    const intime = waits.add(at(3), at(1), false);
    jest.advanceTimersByTime(4_999);
    waits.resolve(at(3));
    await intime;
    expect(outcomes).toEqual([]);
    jest.advanceTimersByTime(1);
    await late;
    expect(outcomes).toEqual([
      expect.stringMatching(
        /has taken the entry.* for 5000 ms.*obeys the entry when it meets it/,
      ),
    ]);
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('is told when it never will be', async () => {
    const waits = new DispatchWaits();
    const waiting = waits.add(at(2), at(1), false);
    waits.rejectAll('closing');
    await expect(waiting).rejects.toThrow('closing');
    await expect(waits.add(at(2), at(1), true)).rejects.toThrow(
      LogUnavailableException,
    );
  });
});
