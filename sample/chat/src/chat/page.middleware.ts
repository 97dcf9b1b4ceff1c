import type { RequestHandler } from 'express';

/** Whoever opens a stream in the address bar wants to see the chat. */
export const showPage: RequestHandler = (request, response, next) => {
  if (request.headers.accept?.includes('text/html')) {
    response.redirect(303, '/');
  } else {
    next();
  }
};
