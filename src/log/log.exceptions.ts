import { ServiceUnavailableException } from '@nestjs/common';

/**
 * The log could not take or give entries: the engine is away, or the application is
 * closing. The publisher may try again with the same `idempotencyKey`; whether the event was
 * stored is unknown. In an HTTP handler it answers 503.
 */
export class LogUnavailableException extends ServiceUnavailableException {
  override readonly name: string = 'LogUnavailableException';
}
