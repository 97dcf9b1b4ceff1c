import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/**
 * Whether a password is the one that was hashed. The comparison takes as long
 * for a nearly right password as for a wrong one.
 *
 * @param hash `scrypt$N$r$p$salt$key`, the last two in base64url
 */
export async function matches(
  password: string,
  hash: string,
): Promise<boolean> {
  const [, N, r, p, salt, key] = hash.split('$');
  const expected = Buffer.from(key, 'base64url');
  const actual = await derive(
    password,
    Buffer.from(salt, 'base64url'),
    expected.length,
    { N: Number(N), r: Number(r), p: Number(p) },
  );
  return timingSafeEqual(actual, expected);
}
