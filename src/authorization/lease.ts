import { types } from 'node:util';

/** The earliest and the latest time that a `Date` can hold (ECMA-262, 21.4.1.1). */
const LAST_TIME = 8.64e15;

/** At most so much of a lease, and never more than so many milliseconds, is given up. */
const SPREAD = { part: 0.1, most: 30_000 } as const;

/**
 * More seconds than that are milliseconds: it is the year 5138, or 1973. A stream whose token
 * has expired would go on for ever.
 */
const MOST_SECONDS = 1e11;

/** `leaseUntil`, or `exp` of a user, is no time; the message says what it was. */
export class InvalidLeaseException extends Error {
  override readonly name = 'InvalidLeaseException';
}

/**
 * The expiry of a JWT's payload: `exp`, in seconds since the Unix epoch (RFC 7519, 4.1.4). What
 * is there and no such time is refused: passed over, the stream would outlive the token.
 *
 * @throws InvalidLeaseException
 */
export function jwtExpiry(user: { exp?: unknown }): Date | undefined {
  const { exp } = user;
  if (exp === undefined || exp === null) {
    return undefined;
  }
  if (typeof exp !== 'number' || Number.isNaN(exp) || exp >= MOST_SECONDS) {
    throw new InvalidLeaseException(
      `\`exp\` of a user is ${describeExp(exp)}, not a number of seconds since 1970, as a JWT has it. Give SseModule.forRoot() the option \`leaseUntil\`: (user) => new Date(user.exp), or () => undefined if it is no expiry.`,
    );
  }
  return new Date(Math.max(exp * 1000, -LAST_TIME));
}

/**
 * Until when a user's authorization holds, in milliseconds; `undefined` if it does not end.
 * @throws InvalidLeaseException
 */
export function leaseOf(
  user: unknown,
  leaseUntil: (user: any) => Date | null | undefined,
): number | undefined {
  if (user === undefined || user === null) {
    return undefined;
  }
  const until: unknown = leaseUntil(user);
  if (until === undefined || until === null) {
    return undefined;
  }
  if (!types.isDate(until)) {
    throw new InvalidLeaseException(
      `leaseUntil returned ${describe(until)}; return a Date, or undefined for a lease without an end.`,
    );
  }
  const time = until.getTime();
  if (Number.isNaN(time)) {
    throw new InvalidLeaseException(
      'leaseUntil returned an invalid Date. Dates are made of milliseconds: new Date(payload.exp * 1000).',
    );
  }
  return time;
}

/**
 * When to end a stream whose lease runs until then: never after it, and for some a little
 * earlier, so that sessions that expire together do not come back together.
 *
 * @param until the lease's end, in milliseconds
 * @param now in milliseconds
 * @param random from 0 up to 1
 */
export function spreadLease(
  until: number,
  now: number,
  random: number,
): number {
  const remaining = Math.max(0, until - now);
  return until - random * Math.min(remaining * SPREAD.part, SPREAD.most);
}

function describeExp(exp: unknown): string {
  if (types.isDate(exp)) {
    return 'a Date';
  }
  return typeof exp === 'number'
    ? `${exp}${exp < LAST_TIME ? ', which must be milliseconds' : ''}`
    : describe(exp);
}

function describe(value: unknown): string {
  if (types.isPromise(value)) {
    return 'a promise, but it is not awaited';
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
