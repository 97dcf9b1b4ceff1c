import type { SseConnection } from './sse-connection.js';

const connections = new WeakMap<object, SseConnection>();

/** Keeps which connection a request's response is. */
export function rememberConnection(request: object, connection: SseConnection): void {
  connections.set(request, connection);
}

/** The connection of a request; `undefined` outside an `@Sse()` route of this package. */
export function connectionOf(request: object): SseConnection | undefined {
  return connections.get(request);
}
