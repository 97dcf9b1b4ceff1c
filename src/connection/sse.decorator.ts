import {
  HttpCode,
  createParamDecorator,
  RequestMapping,
  RequestMethod,
  UseInterceptors,
} from '@nestjs/common';
import type { ExecutionContext, SseOptions } from '@nestjs/common';
import {
  HTTP_CODE_METADATA,
  ROUTE_ARGS_METADATA,
} from '@nestjs/common/constants.js';
import { standInFor } from '../decoration/stand-in.js';
import { connectionFactory } from './connection.decorator.js';
import type { SseConnection } from './sse-connection.js';
import { setRouteOptions } from './route-options.js';
import { SseInterceptor } from './sse.interceptor.js';

type Handler = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Declares a Server-Sent Events route: Nest's `@Sse()` with the response path of this
 * package. The handler returns an Observable, a promise of one, or an async iterable; what
 * it emits are hub events, `MessageEvent`s, strings or objects. Guards, pipes, interceptors
 * and exception filters work as on any route; an exception until the stream is subscribed
 * to answers with its status.
 *
 * @param path route path (default: `/`)
 * @param options
 * - `method`: HTTP method of the route (default: GET)
 * - `maxPendingDataLength`: bytes that may wait for a client of this route that does not
 * read, in place of `slowClient.maxPendingBytes`; 0 or `Infinity` lifts the limit
 *
 * @example
 * ```ts
 * @Sse('events')
 * events(@Connection() connection: SseConnection<User>): Observable<HubEvent> {
 *   return this.hub.stream({ topics: ['movies'], for: connection });
 * }
 * ```
 */
export function Sse(path?: string, options: SseOptions = {}): MethodDecorator {
  return (target, key, descriptor) => {
    const handler = descriptor.value as Handler;
    const own = addConnectionParameter(target, key);
    const served = standInFor(handler, function (this: unknown, ...given) {
      const getConnection = given[own];
      return typeof getConnection === 'function'
        ? (getConnection as GetConnection)().response.serve(() =>
            handler.apply(this, given.slice(0, own)),
          )
        : handler.apply(this, given);
    });
    descriptor.value = served as never;

    RequestMapping({ path, method: options.method ?? RequestMethod.GET })(
      target,
      key,
      descriptor,
    );
    if (!Reflect.hasMetadata(HTTP_CODE_METADATA, served)) {
      HttpCode(200)(target, key, descriptor);
    }
    setRouteOptions(served, options);
    UseInterceptors(SseInterceptor)(target, key, descriptor);
    return descriptor;
  };
}

type GetConnection = () => SseConnection;

/** A function, because global pipes copy or validate objects, and leave functions alone. */
const HiddenConnection = createParamDecorator(
  (data: unknown, context: ExecutionContext): GetConnection => {
    const connection = connectionFactory(data, context);
    return () => connection;
  },
);

/**
 * Gives a handler one parameter more than it has, which makes the connection that it is
 * served by. It comes first, because others need the connection (`@SseSignal()`).
 *
 * @returns the parameter's index
 */
function addConnectionParameter(target: object, key: string | symbol): number {
  const read = (): Record<string, { index: number }> =>
    (Reflect.getMetadata(ROUTE_ARGS_METADATA, target.constructor, key) ??
      {}) as Record<string, { index: number }>;
  const args = read();
  const own =
    1 + Math.max(-1, ...Object.values(args).map(({ index }) => index));
  HiddenConnection()(target, key, own);
  const ours = Object.entries(read()).filter(([, { index }]) => index === own);
  Reflect.defineMetadata(
    ROUTE_ARGS_METADATA,
    { ...Object.fromEntries(ours), ...args },
    target.constructor,
    key,
  );
  return own;
}
