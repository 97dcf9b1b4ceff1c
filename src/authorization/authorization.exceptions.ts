import { ForbiddenException } from '@nestjs/common';

/** A policy does not let a client have a stream; answers 403. */
export class TopicForbiddenException extends ForbiddenException {
  override readonly name = 'TopicForbiddenException';

  /**
   * @param topic the topic or pattern that was refused
   * @param why what to say besides
   */
  constructor(
    readonly topic: string,
    why = '',
  ) {
    super(`Not allowed to subscribe to "${topic}".${why}`);
  }
}

/** A class with `@TopicPolicy()` cannot be asked. Thrown when the application starts; the message says what to change. */
export class InvalidTopicPolicyException extends Error {
  override readonly name = 'InvalidTopicPolicyException';
}
