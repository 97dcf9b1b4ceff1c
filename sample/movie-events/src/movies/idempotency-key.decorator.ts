import {
  BadRequestException,
  createParamDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request } from 'express';

/** The request's `Idempotency-Key`: what makes a retried POST safe. */
export const IdempotencyKey = createParamDecorator(
  (_: unknown, context: ExecutionContext): string | undefined => {
    const key = context
      .switchToHttp()
      .getRequest<Request>()
      .get('Idempotency-Key');
    if (key !== undefined && !/^[\x21-\x7e]{1,100}$/.test(key)) {
      throw new BadRequestException(
        'Idempotency-Key must have 1 to 100 visible ASCII characters',
      );
    }
    return key;
  },
);
