import type { RequestHandler } from 'express';

/** Whoever opens a stream in the address bar wants to see what it is for. */
export function sendVisitorsTo(page: string): RequestHandler {
  return (request, response, next) => {
    if (request.headers.accept?.includes('text/html')) {
      response.redirect(303, page);
    } else {
      next();
    }
  };
}
