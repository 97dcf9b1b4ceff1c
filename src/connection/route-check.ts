import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { ROUTE_ARGS_METADATA, SSE_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { connectionFactory } from './connection.decorator.js';
import { SseRouteException } from './connection.exceptions.js';

/** Refuses at start a route that pairs Nest's own `@Sse()` with `@Connection()`. */
@Injectable()
export class RouteCheck implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  onModuleInit(): void {
    for (const { metatype } of this.discovery.getControllers()) {
      const prototype = metatype?.prototype as
        Record<string, object> | undefined;
      if (prototype === undefined) {
        continue;
      }
      for (const name of this.scanner.getAllMethodNames(prototype)) {
        const isNestSse =
          Reflect.getMetadata(SSE_METADATA, prototype[name]!) === true;
        if (isNestSse && takesConnection(metatype!, name)) {
          throw new SseRouteException(
            `${metatype!.name}.${name} has @Connection() but Nest's own @Sse(). Change its import: import { Sse } from 'nestjs-sse-hub'.`,
          );
        }
      }
    }
  }
}

function takesConnection(controller: object, method: string): boolean {
  const args = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) as
    Record<string, { factory?: unknown }> | undefined;
  return Object.values(args ?? {}).some(
    ({ factory }) => factory === connectionFactory,
  );
}
