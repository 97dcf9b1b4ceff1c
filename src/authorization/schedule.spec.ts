import { AsyncLocalStorage } from 'node:async_hooks';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { Schedule } from './schedule.js';

const SPAN = 1_000;
const DAY = 24 * 60 * 60 * 1000;

describe('A schedule', () => {
  let due: string[];
  let schedule: Schedule<string>;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    due = [];
    schedule = new Schedule(SPAN, Date.now, (item) => due.push(item));
  });

  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('calls back for each item once, at the beginning of its span', () => {
    schedule.set('a', 5_400);
    schedule.set('b', 5_000);
    schedule.set('c', 7_999);
    jest.advanceTimersByTime(4_999);
    expect(due).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(due).toEqual(['a', 'b']);
    jest.advanceTimersByTime(1_999);
    expect(due).toEqual(['a', 'b']);
    jest.advanceTimersByTime(1);
    expect(due).toEqual(['a', 'b', 'c']);
    jest.advanceTimersByTime(DAY);
    expect(due).toHaveLength(3);
    expect(schedule.size).toBe(0);
  });

  it('is never late, and never early by more than its span', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 500_000 }), { maxLength: 50 }),
        (delays) => {
          const start = Date.now();
          const called = new Map<number, number>();
          const many = new Schedule<number>(SPAN, Date.now, (index) =>
            called.set(index, Date.now() - start),
          );
          delays.forEach((delay, index) => many.set(index, start + delay));
          jest.advanceTimersByTime(500_000);
          delays.forEach((delay, index) => {
            expect(called.get(index)).toBeLessThanOrEqual(delay);
            expect(called.get(index)).toBeGreaterThan(delay - SPAN);
          });
        },
      ),
    );
  });

  it('calls back soon for an item whose time is past', () => {
    schedule.set('late', -5_000);
    jest.advanceTimersByTime(0);
    expect(due).toEqual(['late']);
  });

  it('has one timer, however many items there are, and none without', () => {
    for (let n = 0; n < 1_000; n++) {
      schedule.set(`${n}`, 10_000 + n * 700);
    }
    expect(jest.getTimerCount()).toBe(1);
    for (let n = 0; n < 1_000; n++) {
      schedule.delete(`${n}`);
    }
    expect(jest.getTimerCount()).toBe(0);
    expect(schedule.size).toBe(0);
  });

  it('sleeps again when something was due, and for what comes earlier than the rest', () => {
    schedule.set('late', 50_000);
    schedule.set('early', 3_000);
    jest.advanceTimersByTime(3_000);
    expect(due).toEqual(['early']);
    jest.advanceTimersByTime(47_000);
    expect(due).toEqual(['early', 'late']);
  });

  it('forgets an item that is deleted, and moves one that is set again', () => {
    schedule.set('gone', 2_000);
    schedule.set('moved', 2_000);
    schedule.set('moved', 9_000);
    schedule.delete('gone');
    schedule.delete('never there');
    jest.advanceTimersByTime(8_999);
    expect(due).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(due).toEqual(['moved']);
  });

  it('keeps an item that lies further ahead than a timer reaches', () => {
    const far = 400 * DAY;
    schedule.set('far', far);
    jest.advanceTimersByTime(far - SPAN);
    expect(due).toEqual([]);
    jest.advanceTimersByTime(SPAN);
    expect(due).toEqual(['far']);
  });

  it('notices within a minute that the clock was set forward', () => {
    schedule.set('a', DAY);
    jest.setSystemTime(2 * DAY);
    jest.advanceTimersByTime(60_000);
    expect(due).toEqual(['a']);
  });

  it('may be changed by what it calls', () => {
    const calls: string[] = [];
    const changing = new Schedule<string>(SPAN, Date.now, (item) => {
      calls.push(item);
      if (item === 'first') {
        changing.delete('second');
        changing.set('third', 9_000);
        changing.set('first', 6_000);
        changing.set('sooner', 4_000);
      }
    });
    for (const item of ['first', 'second', 'third']) {
      changing.set(item, 3_000);
    }
    jest.advanceTimersByTime(3_000);
    expect(calls).toEqual(['first']);
    jest.advanceTimersByTime(1_000);
    expect(calls).toEqual(['first', 'sooner']);
    jest.advanceTimersByTime(1_000);
    expect(calls).toHaveLength(2);
    changing.delete('first');
    jest.advanceTimersByTime(4_000);
    expect(calls).toEqual(['first', 'sooner', 'third']);
  });

  it('calls the rest when one call throws', () => {
    const logged = jest
      .spyOn(Logger.prototype, 'error')
      .mockImplementation(() => undefined);
    const calls: string[] = [];
    const failing = new Schedule<string>(SPAN, Date.now, (item) => {
      calls.push(item);
      throw new Error(item);
    });
    failing.set('a', 1_000);
    failing.set('b', 1_000);
    failing.set('c', 2_000);
    jest.advanceTimersByTime(2_000);
    expect(calls).toEqual(['a', 'b', 'c']);
    expect(logged).toHaveBeenCalledTimes(3);
  });
});

it('A schedule calls back in the async context in which it was made', async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen = new Promise((resolve) => {
    const schedule = new Schedule<string>(1, Date.now, () =>
      resolve(storage.getStore()),
    );
    storage.run('a request', () => schedule.set('a', Date.now()));
  });
  expect(await seen).toBeUndefined();
});
