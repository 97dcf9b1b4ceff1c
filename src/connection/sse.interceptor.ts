import { Inject, Injectable, Optional } from '@nestjs/common';
import type {
  CallHandler,
  ExecutionContext,
  NestInterceptor,
} from '@nestjs/common';
import type { Observable } from 'rxjs';
import { MISSING_MODULE, SseRouteException } from './connection.exceptions.js';
import { Connections } from './connections.js';
import { connectionOf } from './request-connection.js';

/**
 * Takes what comes out of the interceptors of a method that stand above `@Sse()`, which see
 * the events. Where there are none, the handler is served directly.
 */
@Injectable()
export class SseInterceptor implements NestInterceptor<unknown, undefined> {
  constructor(@Optional() @Inject(Connections) connections?: Connections) {
    if (connections === undefined) {
      throw new SseRouteException(MISSING_MODULE);
    }
  }

  intercept(
    context: ExecutionContext,
    next: CallHandler,
  ): Observable<undefined> {
    return connectionOf(context)!.response.servePipeline(next.handle());
  }
}
