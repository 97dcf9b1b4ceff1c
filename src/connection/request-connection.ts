import type { ExecutionContext } from '@nestjs/common';
import { SSE_ABORT_CONTROLLER } from '@nestjs/common';
import { MISSING_MODULE, SseRouteException } from './connection.exceptions.js';
import type { Connections } from './connections.js';
import { Express, Fastify } from './platform.js';
import { isSseRoute, maxPendingBytesOf } from './route-options.js';
import { SseConnection } from './sse-connection.js';

const CONNECTIONS = Symbol('sse-connections');

/** What Express calls `app` and Fastify `server`: the one instance of an application. */
interface Instance {
  [CONNECTIONS]?: Connections;
}

interface PlatformRequest {
  readonly app?: Instance;
  readonly server?: Instance;
  /**
   * Where Nest's `@SseSignal()` looks for a `signal`, which a connection has. One property for
   * both: to add one to a request of Express copies the description of all the others, and a
   * WeakMap would cost every garbage collection.
   */
  [SSE_ABORT_CONTROLLER]?: unknown;
}

/**
 * Lets the requests of an application find its connections. Kept on the platform's instance,
 * because several applications of one process may share a controller class.
 *
 * @throws SseRouteException when it has others, which would not hear of each other's streams
 */
export function serveConnections(
  instance: object,
  connections: Connections,
): void {
  const earlier = (instance as Instance)[CONNECTIONS];
  if (earlier !== undefined && earlier !== connections && !earlier.closing) {
    throw new SseRouteException(
      'SseModule is imported more than once: each would have a hub of its own, and hub.disconnect() of one would not reach the streams of the other. Import SseModule.forRoot() in the root module only; it is global.',
    );
  }
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
  const known = request[SSE_ABORT_CONTROLLER];
  if (known instanceof SseConnection && !known.response.mayBeServedAnew) {
    return known;
  }
  if (!isSseRoute(context.getHandler())) {
    return undefined;
  }
  const express = request.app?.[CONNECTIONS];
  const connections = express ?? request.server?.[CONNECTIONS];
  if (connections === undefined) {
    throw new SseRouteException(MISSING_MODULE);
  }
  const response = http.getResponse<never>();
  const { connection } = connections.create(
    context,
    express === undefined ? new Fastify(response) : new Express(response),
    maxPendingBytesOf(context.getHandler()),
  );
  request[SSE_ABORT_CONTROLLER] = connection;
  return connection;
}
