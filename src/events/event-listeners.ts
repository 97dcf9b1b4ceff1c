import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { Subscription } from 'rxjs';
import {
  findDecoratedMethods,
  instancesOf,
} from '../decoration/decorated-methods.js';
import type { DecoratedMethod } from '../decoration/decorated-methods.js';
import type { Deadline } from '../hub/deadline.js';
import { EventHub } from '../hub/event-hub.js';
import type { HubEvent } from '../hub/hub-event.js';
import { InvalidListenerException } from './events.exceptions.js';
import { giveHub } from './injected-hub.js';
import { LISTENS } from './on-sse-event.decorator.js';
import type { OnSseEventOptions } from './on-sse-event.decorator.js';

type Listener = DecoratedMethod<readonly OnSseEventOptions[]>;

/** Calls the application's `@OnSseEvent()` methods, from its start until it closes. */
@Injectable()
export class EventListeners implements OnModuleInit, OnApplicationBootstrap {
  readonly #logger = new Logger('SseModule');
  readonly #subscriptions: Subscription[] = [];
  /** What listeners are doing, with their names. */
  readonly #running = new Map<Promise<void>, string>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    @Inject(EventHub) private readonly hub: EventHub,
  ) {}

  /** Those that publish and were made by factories get their hub here. */
  onModuleInit(): void {
    for (const { instance } of instancesOf(this.discovery)) {
      giveHub(instance, this.hub);
    }
  }

  /**
   * When every module is ready for what its listeners do.
   *
   * @throws InvalidListenerException
   */
  onApplicationBootstrap(): void {
    for (const listener of findDecoratedMethods<Listener['mark']>(
      this.discovery,
      this.scanner,
      LISTENS,
    )) {
      this.#listen(listener);
    }
  }

  /** Hands on no events any more, and waits for listeners at work. */
  async stop(deadline: Deadline): Promise<void> {
    for (const subscription of this.#subscriptions) {
      subscription.unsubscribe();
    }
    await deadline.wait(this.#settled());
    if (this.#running.size > 0) {
      const names = [...new Set(this.#running.values())].join(', ');
      this.#logger.warn(
        `Closing without waiting for ${names} any longer; "closeGrace" says for how long`,
      );
    }
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#running.keys());
  }

  #listen(listener: Listener): void {
    const { name, mark, scope } = listener;
    if (scope !== undefined) {
      throw new InvalidListenerException(
        `${name} has @OnSseEvent(), but its class is ${scope}, by itself or by what it injects, so that there is no one instance to call. Move the method to a provider of the default scope.`,
      );
    }
    for (const options of mark) {
      try {
        const events = this.hub.listen(options);
        this.#subscriptions.push(
          events.subscribe({
            next: (event) => this.#call(listener, event),
            error: (error: unknown) => this.#log(name, error),
          }),
        );
      } catch (error) {
        throw new InvalidListenerException(
          `${name} has @OnSseEvent(), but ${(error as Error).message}`,
          { cause: error },
        );
      }
    }
  }

  #call({ instance, method, name }: Listener, event: HubEvent): void {
    let returned: unknown;
    try {
      returned = instance[method]!(event);
    } catch (error) {
      this.#log(name, error, event);
      return;
    }
    if (
      typeof (returned as Promise<unknown> | undefined)?.then !== 'function'
    ) {
      return;
    }
    const running = Promise.resolve(returned)
      .then(
        () => undefined,
        (error: unknown) => this.#log(name, error, event),
      )
      .finally(() => this.#running.delete(running));
    this.#running.set(running, name);
  }

  #log(name: string, error: unknown, event?: HubEvent): void {
    this.#logger.error(
      event === undefined
        ? `${name} hears nothing any more`
        : `${name} failed at ${event.type} of ${event.topic} (${event.id ?? 'ephemeral'})`,
      error instanceof Error ? error.stack : String(error),
    );
  }
}
