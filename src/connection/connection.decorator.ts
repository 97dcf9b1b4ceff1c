import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { SseRouteException } from './connection.exceptions.js';
import { connectionOf } from './request-connection.js';
import { resumeCursorOf } from './request.js';
import type { SseConnection } from './sse-connection.js';

/** @internal Finds or makes the connection of a route; the check at start knows it by identity. */
export function connectionFactory(
  _: unknown,
  context: ExecutionContext,
): SseConnection {
  const connection = connectionOf(context);
  if (connection === undefined) {
    throw new SseRouteException(
      '@Connection() works in handlers with @Sse() of nestjs-sse-hub. Import Sse from there, not from @nestjs/common.',
    );
  }
  return connection;
}

/**
 * Handler parameter: the `SseConnection` of this response.
 *
 * @example
 * ```ts
 * @Sse('events')
 * events(@Connection() connection: SseConnection<User>) {
 *   return this.hub.stream({ topics: ['movies'], for: connection });
 * }
 * ```
 */
export const Connection: () => ParameterDecorator =
  createParamDecorator(connectionFactory);

/**
 * Handler parameter: the cursor that the client came with, from the header
 * `Last-Event-ID`, else the query parameter `lastEventId`; `undefined` for a fresh client.
 *
 * @example
 * ```ts
 * @Sse('log')
 * log(@LastEventId() lastEventId: string | undefined) {}
 * ```
 */
export const LastEventId: () => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext) =>
    resumeCursorOf(context.switchToHttp().getRequest<object>()),
);
