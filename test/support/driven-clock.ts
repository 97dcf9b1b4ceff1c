import { jest } from '@jest/globals';

/** The time by which connections are judged quiet or stalled; it stands still until advanced. */
export interface DrivenClock {
  advance(milliseconds: number): void;
}

/** Timers run as ever: only `Date` and `performance` are the test's. */
const REAL = [
  'hrtime',
  'nextTick',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

/** Call it before the app is started, and `releaseClock` when its test is over. */
export function driveClock(): DrivenClock {
  jest.useFakeTimers({ doNotFake: [...REAL] });
  return {
    advance: (milliseconds) => jest.advanceTimersByTime(milliseconds),
  };
}

/** Time goes on. */
export function releaseClock(): void {
  jest.useRealTimers();
}
