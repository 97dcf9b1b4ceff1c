import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { NestMiddleware } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const PAGE = join(import.meta.dirname, '../../web/dist/index.html');
const YEAR = 365 * 24 * 3_600_000;

/**
 * Whoever does not ask for a stream gets the page, at any path. Only the header decides: a client
 * that takes anything (a browser's address bar, curl) means the page.
 */
@Injectable()
export class PageMiddleware implements NestMiddleware {
  use(request: Request, response: Response, next: NextFunction): void {
    const accept = request.headers.accept ?? '';
    if (request.method !== 'GET' || accept.includes('text/event-stream')) {
      next();
      return;
    }
    if (request.cookies.visitor === undefined) {
      // Cookies do not know ports, so the streams' origin gets it, too.
      response.cookie('visitor', randomBytes(2).toString('hex'), {
        httpOnly: true,
        sameSite: 'lax',
        maxAge: YEAR,
      });
    }
    response.vary('Accept').sendFile(PAGE);
  }
}
