import { AsyncResource } from 'node:async_hooks';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { findDecoratedMethods } from '../decoration/decorated-methods.js';
import type { DecoratedMethod } from '../decoration/decorated-methods.js';
import { InvalidHookException } from './connection.exceptions.js';
import type { ConnectionObserver } from './connection-observer.js';
import { CONNECT_HOOK, DISCONNECT_HOOK } from './hooks.decorator.js';
import type { SseConnection } from './sse-connection.js';
import type { SseResponse } from './sse-response.js';

/** A method with `@OnSseConnect()` or `@OnSseDisconnect()`. */
type Hook = DecoratedMethod<true>;

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
    this.#onConnect = this.#find(CONNECT_HOOK, '@OnSseConnect()');
    this.#onDisconnect = this.#find(DISCONNECT_HOOK, '@OnSseDisconnect()');
  }

  opened({ connection }: SseResponse): void {
    this.#call(this.#onConnect, connection);
  }

  ended({ connection }: SseResponse, reason: string, wasOpened: boolean): void {
    if (wasOpened) {
      this.#call(this.#onDisconnect, connection, reason);
    }
  }

  #find(key: symbol, decorator: string): readonly Hook[] {
    const hooks = [
      ...findDecoratedMethods<true>(this.discovery, this.scanner, key),
    ];
    for (const { name, scope } of hooks) {
      // There must be one instance to call: a connection outlives its request.
      if (scope !== undefined) {
        throw new InvalidHookException(
          `${name} has ${decorator}, but its class is ${scope}, by itself or by what it injects, so that there is no one instance to call. Move the method to a provider of the default scope.`,
        );
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
      for (const { instance, method, name } of hooks) {
        Promise.resolve()
          .then(() => instance[method]!(connection, ...rest))
          .catch((error: unknown) =>
            this.#logger.error(
              `${name} failed for connection ${connection.id}`,
              error instanceof Error ? error.stack : String(error),
            ),
          );
      }
    });
  }
}
