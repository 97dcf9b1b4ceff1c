import { SetMetadata } from '@nestjs/common';

/** Metadata key of methods with `@OnSseConnect()`. */
export const CONNECT_HOOK = Symbol('sse-connect-hook');
/** Metadata key of methods with `@OnSseDisconnect()`. */
export const DISCONNECT_HOOK = Symbol('sse-disconnect-hook');

/**
 * Provider or controller method: called with the `SseConnection` when a stream's head has
 * been written. It is not awaited, and what it throws is logged. The provider must not be
 * request-scoped or transient. Clients that are refused (`overloaded`, `expired` on arrival,
 * during shutdown) are not told.
 *
 * @example
 * ```ts
 * @Injectable()
 * class Audit {
 *   @OnSseConnect()
 *   connected(connection: SseConnection<User>) {
 *     this.log.record('connected', connection.user.id, connection.remoteAddress);
 *   }
 * }
 * ```
 */
export const OnSseConnect = (): MethodDecorator =>
  SetMetadata(CONNECT_HOOK, true);

/**
 * Provider or controller method: called with the `SseConnection` and the reason when a stream
 * that `@OnSseConnect()` was called for has ended, once, whatever the way: `client`,
 * `complete`, `failed`, `slow`, `stalled`, `shutdown`, `expired`, `revoked`, `replaced`,
 * `unavailable`, or what `connection.close()` or `hub.disconnect()` was given. It is not awaited, and what it throws is logged. During
 * shutdown the hub takes no events any more.
 *
 * @example
 * ```ts
 * @Injectable()
 * class Audit {
 *   @OnSseDisconnect()
 *   disconnected(connection: SseConnection<User>, reason: string) {
 *     this.log.record('disconnected', connection.user.id, reason);
 *   }
 * }
 * ```
 */
export const OnSseDisconnect = (): MethodDecorator =>
  SetMetadata(DISCONNECT_HOOK, true);
