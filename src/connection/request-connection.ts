import type { ExecutionContext } from '@nestjs/common';
import { SSE_ABORT_CONTROLLER } from '@nestjs/common';
import { MISSING_MODULE, SseRouteException } from './connection.exceptions.js';
import type { Connections } from './connections.js';
import { platformOf } from './platform.js';
import { isSseRoute, maxPendingBytesOf } from './route-options.js';
import type { SseConnection } from './sse-connection.js';

const CONNECTIONS = Symbol('sse-connections');
const CONNECTION = Symbol('sse-connection');

/** What Express calls `app` and Fastify `server`: the one instance of an application. */
interface Instance {
  [CONNECTIONS]?: Connections;
}

interface PlatformRequest {
  readonly app?: Instance;
  readonly server?: Instance;
  // A WeakMap would cost every garbage collection.
  [CONNECTION]?: SseConnection;
  [SSE_ABORT_CONTROLLER]?: AbortController;
}

/**
 * Lets the requests of an application find its connections. Kept on the platform's instance,
 * because several applications of one process may share a controller class.
 */
export function serveConnections(
  instance: object,
  connections: Connections,
): void {
  (instance as Instance)[CONNECTIONS] = connections;
}

/**
 * The connection of a request, made when first asked for; `undefined` outside a route with
 * `@Sse()` of this package.
 *
 * @throws SseRouteException when the application has no SseModule
 */
export function connectionOf(
  context: ExecutionContext,
): SseConnection | undefined {
  const http = context.switchToHttp();
  const request = http.getRequest<PlatformRequest>();
  const known = request[CONNECTION];
  if (known !== undefined || !isSseRoute(context.getHandler())) {
    return known;
  }
  const connections =
    request.app?.[CONNECTIONS] ?? request.server?.[CONNECTIONS];
  if (connections === undefined) {
    throw new SseRouteException(MISSING_MODULE);
  }
  const response = connections.create(
    context,
    platformOf(http.getResponse()),
    maxPendingBytesOf(context.getHandler()),
  );
  request[CONNECTION] = response.connection;
  request[SSE_ABORT_CONTROLLER] = response.abort;
  return response.connection;
}
