import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import {
  INTERCEPTORS_METADATA,
  ROUTE_ARGS_METADATA,
  SSE_METADATA,
} from '@nestjs/common/constants.js';
import {
  DiscoveryService,
  HttpAdapterHost,
  MetadataScanner,
} from '@nestjs/core';
import { connectionFactory } from './connection.decorator.js';
import { SseRouteException } from './connection.exceptions.js';
import { Connections } from './connections.js';
import { serveConnections } from './request-connection.js';
import { isSseRoute } from './route-options.js';
import { SseInterceptor } from './sse.interceptor.js';

/** Makes an application's routes with `@Sse()` ready before its router reads them. */
@Injectable()
export class RouteSetup implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(Connections) private readonly connections: Connections,
  ) {
    for (const { handler } of this.#handlers()) {
      if (isSseRoute(handler)) {
        dropIdleInterceptor(handler);
      }
    }
  }

  onModuleInit(): void {
    for (const { controller, method, handler } of this.#handlers()) {
      const isNestSse = Reflect.getMetadata(SSE_METADATA, handler) === true;
      if (isNestSse && takesConnection(controller, method)) {
        throw new SseRouteException(
          `${controller.name}.${method} has @Connection() but Nest's own @Sse(). Change its import: import { Sse } from 'nestjs-sse-hub'.`,
        );
      }
    }
    const instance = this.host.httpAdapter?.getInstance<object>();
    if (instance !== undefined) {
      serveConnections(instance, this.connections);
    }
  }

  *#handlers(): Generator<{
    controller: Function;
    method: string;
    handler: object;
  }> {
    for (const { metatype } of this.discovery.getControllers()) {
      const prototype = metatype?.prototype as
        Record<string, object> | undefined;
      if (prototype !== undefined) {
        for (const method of this.scanner.getAllMethodNames(prototype)) {
          yield { controller: metatype!, method, handler: prototype[method]! };
        }
      }
    }
  }
}

/**
 * Our interceptor has work only where another one of the method stands between it and the
 * handler, to see what the handler emits. Elsewhere it would cost a connect a fifth of its
 * time. It is declared all the same, because Nest makes it at start, and it refuses to be made
 * without SseModule.
 */
function dropIdleInterceptor(handler: object): void {
  const interceptors = Reflect.getMetadata(
    INTERCEPTORS_METADATA,
    handler,
  ) as unknown[];
  if (interceptors.at(-1) === SseInterceptor) {
    Reflect.defineMetadata(
      INTERCEPTORS_METADATA,
      interceptors.slice(0, -1),
      handler,
    );
  }
}

function takesConnection(controller: object, method: string): boolean {
  const args = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) as
    Record<string, { factory?: unknown }> | undefined;
  return Object.values(args ?? {}).some(
    ({ factory }) => factory === connectionFactory,
  );
}
