import { createHash, randomBytes } from 'node:crypto';
import type { Request } from 'express';
import type { User } from './user.js';

const COOKIE = 'guest';
const YEAR = 365 * 24 * 3_600_000;

// prettier-ignore
const COLOURS = [
  'amber', 'azure', 'coral', 'crimson', 'golden', 'green', 'indigo', 'ivory',
  'jade', 'lilac', 'olive', 'pearl', 'ruby', 'scarlet', 'silver', 'violet',
];
// prettier-ignore
const ANIMALS = [
  'badger', 'beaver', 'crane', 'falcon', 'fox', 'hare', 'heron', 'lynx',
  'marten', 'otter', 'owl', 'raven', 'robin', 'seal', 'swan', 'wren',
];

/** The guest whose cookie a request has. */
export function guestOf(request: Request): User | undefined {
  const token: unknown = request.cookies[COOKIE];
  return typeof token === 'string' && /^[\w-]{22}$/.test(token)
    ? toGuest(token)
    : undefined;
}

/**
 * Makes a guest of whoever sent a request. The cookie holds a random secret, and the id that
 * everybody sees is made of its hash: so nothing is stored, no process has to know a key, and
 * who sees an id cannot speak in its name.
 */
export function newGuest(request: Request): User {
  const token = randomBytes(16).toString('base64url');
  request.res!.cookie(COOKIE, token, {
    // No script reads it, and what another site makes a browser send goes without it.
    httpOnly: true,
    sameSite: 'strict',
    secure: request.secure,
    maxAge: YEAR,
  });
  return toGuest(token);
}

/** `amber-otter~1f8a…`: with a `~`, which no id in a query may have. */
function toGuest(token: string): User {
  const hash = createHash('sha256').update(token).digest();
  const name = `${pick(COLOURS, hash[0]!)}-${pick(ANIMALS, hash[1]!)}`;
  return { id: `${name}~${hash.toString('hex', 2, 12)}`, isGuest: true };
}

function pick(words: readonly string[], byte: number): string {
  return words[byte % words.length]!;
}
