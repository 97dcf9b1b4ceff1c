import type { SseConnection } from './sse-connection.js';

const CONNECTION = Symbol('sse-connection');

/** Keeps which connection a request's response is. A WeakMap would cost every garbage collection. */
export function rememberConnection(
  request: object,
  connection: SseConnection,
): void {
  (request as { [CONNECTION]?: SseConnection })[CONNECTION] = connection;
}

/** The connection of a request; `undefined` outside an `@Sse()` route of this package. */
export function connectionOf(request: object): SseConnection | undefined {
  return (request as { [CONNECTION]?: SseConnection })[CONNECTION];
}
