/** The package `redis` is not installed. Thrown when a `RedisLog` is opened; the message says what to do. */
export class RedisMissingException extends Error {
  override readonly name = 'RedisMissingException';
}
