import {
  ConflictException,
  GoneException,
  ServiceUnavailableException,
} from '@nestjs/common';

/** What was asked of `stream` or `listen` cannot be given; the message says what to change. */
export class InvalidStreamException extends Error {
  override readonly name = 'InvalidStreamException';
}

/** A connection that was to join a topic, or for which a history was read, has ended. It answers 410. */
export class StreamEndedException extends GoneException {
  override readonly name = 'StreamEndedException';

  constructor(
    message = 'The stream has ended, so it cannot join a topic any more.',
  ) {
    super(message);
  }
}

/** A connection that was to join a topic has as many as `limits.topicsPerStream` allows. It answers 409. */
export class TooManyTopicsException extends ConflictException {
  override readonly name = 'TooManyTopicsException';
}

/** What was given to `publish` is no event; the message names the field and the rule. */
export class InvalidEventException extends Error {
  override readonly name = 'InvalidEventException';
}

/** What was given to `disconnect` or `refresh` names nobody; the message says which criterion. */
export class InvalidRevocationException extends Error {
  override readonly name = 'InvalidRevocationException';
}

/** An event's data is larger than a connection may hold pending. */
export class EventTooLargeException extends Error {
  override readonly name = 'EventTooLargeException';
}

/**
 * Whether a client may have a stream was not known within `authorizationTimeout`. It may be asked
 * again. In an HTTP handler it answers 503.
 */
export class AuthorizationTimeoutException extends ServiceUnavailableException {
  override readonly name = 'AuthorizationTimeoutException';
}
