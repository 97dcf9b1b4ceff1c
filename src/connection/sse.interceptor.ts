import {
  Inject,
  Injectable,
  Optional,
  SSE_ABORT_CONTROLLER,
} from '@nestjs/common';
import type {
  CallHandler,
  ExecutionContext,
  NestInterceptor,
} from '@nestjs/common';
import { INTERCEPTORS_METADATA } from '@nestjs/common/constants.js';
import type { Observable } from 'rxjs';
import { SseRouteException } from './connection.exceptions.js';
import { Connections } from './connections.js';
import { platformOf } from './platform.js';
import { rememberConnection } from './request-connection.js';
import { maxPendingBytesOf } from './route-options.js';

/**
 * Serves a route that has our `@Sse()`. Nest has run guards and the interceptors of app
 * and controller by then; pipes and handler run when `handle()` is subscribed to.
 */
@Injectable()
export class SseInterceptor implements NestInterceptor<unknown, undefined> {
  constructor(
    @Optional() @Inject(Connections) private readonly connections?: Connections,
  ) {
    if (connections === undefined) {
      throw new SseRouteException(
        'A route uses @Sse() of nestjs-sse-hub, but SseModule is not imported. Add SseModule.forRoot() to the imports of your root module.',
      );
    }
  }

  intercept(
    context: ExecutionContext,
    next: CallHandler,
  ): Observable<undefined> {
    const http = context.switchToHttp();
    const request = http.getRequest<Record<PropertyKey, any>>();
    const { raw, takeOver } = platformOf(http.getResponse());
    const maxPendingBytes = maxPendingBytesOf(context.getHandler());
    const response = this.connections!.create(context, raw, maxPendingBytes);
    rememberConnection(request, response.connection);
    request[SSE_ABORT_CONTROLLER] = response.abort;
    if (this.connections!.closing) {
      response.end('shutdown');
    }
    return response.serve(
      next.handle(),
      takeOver,
      !isInnermost(context.getHandler()),
    );
  }
}

/** Whether no interceptor of the method stands between ours and the handler. */
function isInnermost(handler: object): boolean {
  const interceptors = Reflect.getMetadata(
    INTERCEPTORS_METADATA,
    handler,
  ) as unknown[];
  return interceptors.at(-1) === SseInterceptor;
}
