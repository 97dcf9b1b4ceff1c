import type { CookieOptions, Request, Response } from 'express';

const NAME = 'session';

/**
 * HttpOnly: no script can read it. SameSite=Strict: the browser leaves it out of
 * whatever another site makes it send. Secure when the client came by HTTPS.
 * It has no Max-Age, so that an expired token still arrives and can be told from
 * none: the token's own `exp` says how long it is good.
 */
function options(request: Request): CookieOptions {
  return {
    httpOnly: true,
    sameSite: 'strict',
    secure: request.secure,
    path: '/',
  };
}

export function setSessionCookie(request: Request, token: string): void {
  (request.res as Response).cookie(NAME, token, options(request));
}

export function clearSessionCookie(request: Request): void {
  (request.res as Response).clearCookie(NAME, options(request));
}

export function readSessionCookie(request: Request): string | undefined {
  const value: unknown = request.cookies[NAME];
  return typeof value === 'string' ? value : undefined;
}
