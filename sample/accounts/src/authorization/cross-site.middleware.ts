import {
  ForbiddenException,
  Injectable,
  type NestMiddleware,
  UnsupportedMediaTypeException,
} from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const SAFE = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Refuses requests that another site makes a visitor's browser send (CSRF).
 *
 * The cookie's SameSite=Strict is not enough: to a browser, a page on another
 * port or subdomain is of the same site. So a request that changes something
 * must come from this very origin, as the browser itself says: in
 * `Sec-Fetch-Site`, else in `Origin`. What sends neither is no browser, and
 * nobody's cookies come with it unasked. Bodies are JSON, which a foreign form
 * cannot send.
 *
 * Streams need none of this: they change nothing, and without CORS headers no
 * other origin can read them.
 */
@Injectable()
export class CrossSiteMiddleware implements NestMiddleware {
  use(request: Request, _: Response, next: NextFunction): void {
    if (!SAFE.includes(request.method)) {
      if (!isSameOrigin(request)) {
        throw new ForbiddenException('Requests of other sites are refused');
      }
      if (mayHaveBody(request) && !isJson(request)) {
        throw new UnsupportedMediaTypeException('Send application/json');
      }
    }
    next();
  }
}

function isSameOrigin(request: Request): boolean {
  const site = request.get('Sec-Fetch-Site');
  if (site !== undefined) {
    return site === 'same-origin';
  }
  const origin = request.get('Origin');
  return (
    origin === undefined ||
    (URL.canParse(origin) && new URL(origin).host === request.host)
  );
}

function mayHaveBody({ headers }: Request): boolean {
  return (
    headers['content-type'] !== undefined ||
    headers['transfer-encoding'] !== undefined ||
    Number(headers['content-length'] ?? 0) > 0
  );
}

function isJson({ headers }: Request): boolean {
  return /^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '');
}
