import type { SseOptions } from '@nestjs/common';

const ROUTE_OPTIONS = Symbol('sse-route-options');

/** Keeps the options that a handler's `@Sse()` was given. */
export function setRouteOptions(handler: object, options: SseOptions): void {
  Reflect.defineMetadata(ROUTE_OPTIONS, options, handler);
}

/** The bytes that may wait for a client of a route; `undefined`: the module's setting. */
export function maxPendingBytesOf(handler: object): number | undefined {
  const { maxPendingDataLength } = Reflect.getMetadata(
    ROUTE_OPTIONS,
    handler,
  ) as SseOptions;
  return maxPendingDataLength === 0 ? Infinity : maxPendingDataLength;
}

/** Whether a handler has `@Sse()` of this package. */
export function isSseRoute(handler: object): boolean {
  return Reflect.hasMetadata(ROUTE_OPTIONS, handler);
}
