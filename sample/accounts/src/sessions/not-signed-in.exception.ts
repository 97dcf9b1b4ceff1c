import { UnauthorizedException } from '@nestjs/common';

export type NotSignedInReason = 'missing' | 'invalid' | 'expired' | 'ended';

const MESSAGES: Record<NotSignedInReason, string> = {
  missing: 'Sign in first',
  invalid: 'Sign in first',
  expired: 'The session has expired, sign in again',
  ended: 'The session was ended, sign in again',
};

/** Answers 401 with a `reason`, by which the page chooses its words. */
export class NotSignedInException extends UnauthorizedException {
  constructor(readonly reason: NotSignedInReason) {
    super({ statusCode: 401, message: MESSAGES[reason], reason });
  }
}
