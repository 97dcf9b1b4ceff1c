/**
 * The log could not take or give entries: the engine is away, or the
 * application is closing. The publisher may try again with the same
 * `idempotencyKey`; whether the event was stored is unknown.
 */
export class LogUnavailableException extends Error {
  override readonly name = 'LogUnavailableException';
}
