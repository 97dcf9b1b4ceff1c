import { jest } from '@jest/globals';
import type { SseResponse } from '../connection/sse-response.js';
import { Leases } from './leases.js';

interface User {
  until: number | undefined;
}

describe('Leases', () => {
  let closed: string[];
  let leases: Leases;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    closed = [];
    leases = new Leases({
      leaseUntil: ({ until }: User) =>
        until === undefined ? undefined : new Date(until),
      now: Date.now,
      random: () => 0.5,
    });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const responseOf = (user: User | undefined): SseResponse =>
    ({
      connection: {
        user,
        revoke: (reason: string) => closed.push(`${reason} at ${Date.now()}`),
      },
    }) as unknown as SseResponse;

  it('end a stream before its lease does', () => {
    leases.created(responseOf({ until: 100_500 }));
    jest.advanceTimersByTime(200_000);
    expect(closed).toEqual(['expired at 95000']);
  });

  it('refuse one whose lease is over, at its very end too', () => {
    jest.setSystemTime(5_000);
    expect(leases.created(responseOf({ until: 5_000 }))).toEqual({
      reason: 'expired',
    });
    expect(leases.created(responseOf({ until: 5_001 }))).toBeUndefined();
  });

  it('keep nothing of a stream that ended, or that has no lease', () => {
    const response = responseOf({ until: 50_000 });
    leases.created(response);
    leases.created(responseOf({ until: undefined }));
    leases.created(responseOf(undefined));
    expect(jest.getTimerCount()).toBe(1);
    leases.ended(response);
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(100_000);
    expect(closed).toEqual([]);
  });

  it('are renewed for a user who has changed', () => {
    const user: User = { until: 50_000 };
    const response = responseOf(user);
    leases.created(response);
    user.until = 100_500;
    leases.created(response);
    jest.advanceTimersByTime(60_000);
    expect(closed).toEqual([]);
  });

  it('stay as they are for a user who is loaded anew without one', () => {
    const user: User = { until: 50_000 };
    const response = responseOf(user);
    leases.created(response);
    user.until = undefined;
    leases.created(response);
    jest.advanceTimersByTime(50_000);
    expect(closed).toHaveLength(1);
  });
});
