import fc from 'fast-check';
import { runInNewContext } from 'node:vm';
import {
  InvalidLeaseException,
  jwtExpiry,
  leaseOf,
  spreadLease,
} from './lease.js';

const time = fc.integer({ min: 0, max: 4e12 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('spreadLease', () => {
  it('never ends a stream after its lease', () => {
    fc.assert(
      fc.property(time, time, random, (until, now, at) => {
        expect(spreadLease(until, now, at)).toBeLessThanOrEqual(until);
      }),
    );
  });

  it('ends none earlier by more than a tenth of what remains, or 30 seconds', () => {
    fc.assert(
      fc.property(time, time, random, (until, now, at) => {
        const remaining = Math.max(0, until - now);
        const early = until - spreadLease(until, now, at);
        expect(early).toBeLessThanOrEqual(
          Math.min(remaining / 10, 30_000) + 1e-3,
        );
      }),
    );
  });

  it('spreads sessions that expire together over all of that', () => {
    const ends = [0, 0.25, 0.5, 0.75].map((at) => spreadLease(60_000, 0, at));
    expect(ends).toEqual([60_000, 58_500, 57_000, 55_500]);
    expect(spreadLease(3_600_000, 0, 0.5)).toBe(3_585_000);
  });
});

describe('leaseOf', () => {
  it('is the time that leaseUntil returns for the user', () => {
    const until = (user: { end: number }) => new Date(user.end);
    expect(leaseOf({ end: 1_234 }, until)).toBe(1_234);
  });

  it.each([undefined, null])('has no end where it returns %p', (until) => {
    expect(leaseOf({}, () => until)).toBeUndefined();
  });

  it.each([undefined, null])('is not asked for of nobody (%p)', (user) => {
    expect(
      leaseOf(user, () => {
        throw new Error('asked');
      }),
    ).toBeUndefined();
  });

  it('takes a Date of another realm', () => {
    const foreign = runInNewContext('new Date(7)') as Date;
    expect(leaseOf({}, () => foreign)).toBe(7);
  });

  it.each([
    [1_234, 'a number'],
    ['2030-01-01', 'a string'],
    [{}, 'an object'],
    [Promise.resolve(new Date()), 'a promise, but it is not awaited'],
  ])('refuses %p', (until, described) => {
    const lease = () => leaseOf({}, () => until as unknown as Date);
    expect(lease).toThrow(InvalidLeaseException);
    expect(lease).toThrow(`leaseUntil returned ${described};`);
  });

  it('refuses an invalid Date', () => {
    const lease = () => leaseOf({}, () => new Date(NaN));
    expect(lease).toThrow(InvalidLeaseException);
    expect(lease).toThrow('an invalid Date');
  });
});

describe('jwtExpiry', () => {
  it.each([
    [{ exp: 1_700_000_000 }, 1_700_000_000_000],
    [{ exp: 0 }, 0],
    [{ exp: 1.5 }, 1_500],
    [{ exp: 99_999_999_999 }, 99_999_999_999_000],
    [{ exp: -1e300 }, -8.64e15],
  ])('of %j is %d', (user, expected) => {
    expect(jwtExpiry(user)!.getTime()).toBe(expected);
  });

  it.each([{}, { exp: undefined }, { exp: null }])('of %j is none', (user) => {
    expect(jwtExpiry(user)).toBeUndefined();
  });

  it.each([
    ['1700000000', 'a string'],
    ['', 'a string'],
    [new Date(), 'a Date'],
    [runInNewContext('new Date(7)'), 'a Date'],
    [1_700_000_000_000, '1700000000000, which must be milliseconds'],
    [1e11, '100000000000, which must be milliseconds'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [true, 'a boolean'],
    [{}, 'an object'],
    [10n, 'a bigint'],
  ])('refuses %p: it would be no end at all', (exp, described) => {
    const expiry = () => jwtExpiry({ exp });
    expect(expiry).toThrow(InvalidLeaseException);
    expect(expiry).toThrow(`\`exp\` of a user is ${described}, not a number`);
    expect(expiry).toThrow('option `leaseUntil`');
  });

  it('takes a user of any kind', () => {
    for (const user of ['ann', 42, true]) {
      expect(leaseOf(user, jwtExpiry)).toBeUndefined();
    }
  });
});
