import { AsyncResource } from 'node:async_hooks';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { InvalidHookException } from './connection.exceptions.js';
import type { ConnectionObserver } from './connection-observer.js';
import { CONNECT_HOOK, DISCONNECT_HOOK } from './hooks.decorator.js';
import type { SseConnection } from './sse-connection.js';
import type { SseResponse } from './sse-response.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A method with `@OnSseConnect()` or `@OnSseDisconnect()`. */
interface Hook {
  readonly instance: Record<string, (...args: unknown[]) => unknown>;
  readonly method: string;
}

/**
 * Calls the application's `@OnSseConnect()` and `@OnSseDisconnect()` methods: in the order of
 * what happened, in a turn of their own, and in the async context in which the application
 * started instead of a request's.
 */
@Injectable()
export class ConnectionHooks implements ConnectionObserver, OnModuleInit {
  readonly #logger = new Logger('SseModule');
  readonly #scope = new AsyncResource('SseHooks');
  #onConnect: readonly Hook[] = [];
  #onDisconnect: readonly Hook[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** @throws InvalidHookException */
  onModuleInit(): void {
    const wrappers = [
      ...this.discovery.getProviders(),
      ...this.discovery.getControllers(),
    ];
    this.#onConnect = this.#find(wrappers, CONNECT_HOOK, '@OnSseConnect()');
    this.#onDisconnect = this.#find(
      wrappers,
      DISCONNECT_HOOK,
      '@OnSseDisconnect()',
    );
  }

  opened({ connection }: SseResponse): void {
    this.#call(this.#onConnect, connection);
  }

  ended({ connection }: SseResponse, reason: string, wasOpened: boolean): void {
    if (wasOpened) {
      this.#call(this.#onDisconnect, connection, reason);
    }
  }

  #find(wrappers: readonly Wrapper[], key: symbol, decorator: string): Hook[] {
    const hooks: Hook[] = [];
    const seen = new Set<unknown>();
    for (const wrapper of wrappers) {
      const instance: unknown = wrapper.instance;
      if (
        typeof instance !== 'object' ||
        instance === null ||
        // What useExisting gives out is found where it is provided.
        seen.has(instance)
      ) {
        continue;
      }
      seen.add(instance);
      const prototype = Object.getPrototypeOf(instance) as Record<
        string,
        object
      > | null;
      for (const method of this.scanner.getAllMethodNames(prototype)) {
        if (Reflect.getMetadata(key, prototype![method]!) === true) {
          checkScope(
            wrapper,
            `${prototype!.constructor!.name}.${method}`,
            decorator,
          );
          hooks.push({ instance: instance as Hook['instance'], method });
        }
      }
    }
    return hooks;
  }

  #call(
    hooks: readonly Hook[],
    connection: SseConnection,
    ...rest: unknown[]
  ): void {
    if (hooks.length === 0) {
      return;
    }
    this.#scope.runInAsyncScope(() => {
      for (const { instance, method } of hooks) {
        Promise.resolve()
          .then(() => instance[method]!(connection, ...rest))
          .catch((error: unknown) =>
            this.#logger.error(
              `${instance.constructor.name}.${method} failed for connection ${connection.id}`,
              error instanceof Error ? error.stack : String(error),
            ),
          );
      }
    });
  }
}

/** There must be one instance to call: a connection outlives its request. */
function checkScope(wrapper: Wrapper, method: string, decorator: string): void {
  if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) {
    const scope = wrapper.isTransient ? 'transient' : 'request-scoped';
    throw new InvalidHookException(
      `${method} has ${decorator}, but its class is ${scope}, by itself or by what it injects, so that there is no one instance to call. Move the method to a provider of the default scope.`,
    );
  }
}
