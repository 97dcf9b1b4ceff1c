import type { SseOptions } from '@nestjs/common';

const ROUTE_OPTIONS = Symbol('sse-route-options');

/** What is read of handlers for every request: reflect-metadata walks up prototypes each time. */
const known = new WeakMap<object, SseOptions | undefined>();

/** Keeps the options that a handler's `@Sse()` was given. */
export function setRouteOptions(handler: object, options: SseOptions): void {
  Reflect.defineMetadata(ROUTE_OPTIONS, options, handler);
}

/** The bytes that may wait for a client of a route; `undefined`: the module's setting. */
export function maxPendingBytesOf(handler: object): number | undefined {
  const { maxPendingDataLength } = optionsOf(handler)!;
  return maxPendingDataLength === 0 ? Infinity : maxPendingDataLength;
}

/** Whether a handler has `@Sse()` of this package. */
export function isSseRoute(handler: object): boolean {
  return optionsOf(handler) !== undefined;
}

function optionsOf(handler: object): SseOptions | undefined {
  if (!known.has(handler)) {
    known.set(
      handler,
      Reflect.getMetadata(ROUTE_OPTIONS, handler) as SseOptions | undefined,
    );
  }
  return known.get(handler);
}
