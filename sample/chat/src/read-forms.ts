import { BadRequestException } from '@nestjs/common';
import type { RequestHandler } from 'express';

/**
 * Reads a form's body. `curl -d '{"message":"Hi"}'` calls JSON a form, too, so JSON is read
 * as what it is.
 */
export const readForms: RequestHandler = (request, _response, next) => {
  const { body } = request;
  if (typeof body === 'string') {
    request.body = body.trimStart().startsWith('{')
      ? parseJson(body)
      : Object.fromEntries(new URLSearchParams(body));
  }
  next();
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequestException('The body is neither JSON nor a form');
  }
}
