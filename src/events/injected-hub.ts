import { Inject } from '@nestjs/common';
import { EventHub } from '../hub/event-hub.js';
import { InvalidPublisherException } from './events.exceptions.js';

/** Where an instance has its hub. Nest names the property when there is nothing to inject. */
const HUB = Symbol(
  'EventHub for @PublishEvent(): add SseModule.forRoot() to the imports of your root module',
);

/** Metadata key of prototypes whose instances need it. */
const NEEDS_HUB = Symbol('sse-needs-hub');

/**
 * Lets Nest give every instance of a class the hub of its application, as with `@Inject()` on a
 * property: so request-scoped and inherited classes have it, and several applications in one
 * process each their own.
 *
 * @param prototype of the class
 */
export function injectHub(prototype: object): void {
  Inject(EventHub)(prototype, HUB);
  Reflect.defineMetadata(NEEDS_HUB, true, prototype);
}

/** The hub of an instance. */
export function hubOf(instance: unknown, method: string): EventHub {
  const hub = (instance as { [HUB]?: EventHub } | undefined)?.[HUB];
  if (hub === undefined) {
    throw new InvalidPublisherException(
      `${method} has @PublishEvent(), but ${instance === undefined ? 'was called without its instance' : 'its instance has no EventHub'}. Nest gives it to classes that it makes itself, in an application with SseModule.forRoot(). In a unit test, let Nest make the class, and provide EventHub: Test.createTestingModule({ providers: [TheClass, { provide: EventHub, useValue: hub }] }).`,
    );
  }
  return hub;
}

/** Gives the hub to what Nest has not made itself, such as the result of a factory. */
export function giveHub(instance: object, hub: EventHub): void {
  const given = instance as { [HUB]?: EventHub };
  if (given[HUB] === undefined && Reflect.hasMetadata(NEEDS_HUB, instance)) {
    given[HUB] = hub;
  }
}
