import { BadRequestException } from '@nestjs/common';

/**
 * The fields of an event break the rules of its class. Its response is that of Nest's
 * `ValidationPipe`: `{ statusCode: 400, message: [...], error: 'Bad Request' }`.
 */
export class EventValidationException extends BadRequestException {
  override readonly name = 'EventValidationException';

  /** @param messages as class-validator words them, a nested one with the path before it */
  constructor(
    eventName: string,
    readonly messages: readonly string[],
  ) {
    super(messages);
    // For logs; a response is made of what `super` was given.
    this.message = `${eventName}: ${messages.join('; ')}`;
  }
}

/** A method with `@PublishEvent()` cannot publish; the message says what to change. */
export class InvalidPublisherException extends Error {
  override readonly name = 'InvalidPublisherException';
}

/** A method with `@OnSseEvent()` cannot be called; thrown at start. */
export class InvalidListenerException extends Error {
  override readonly name = 'InvalidListenerException';
}
