import type { EventHub } from '../hub/event-hub.js';
import type { EventClass } from '../hub/event-class.js';
import type { DeliveryOptions } from '../hub/publisher.js';
import { toEventOf } from './event-fields.js';
import { InvalidPublisherException } from './events.exceptions.js';

/** What is published of a method's result. */
export type Published<Event extends object> =
  Event | readonly Event[] | null | undefined | void;

/** Options of `@PublishEvent()`. */
export interface PublishEventOptions<Event extends object, Result = any> {
  /**
   * Makes the event, or several, of what the method returned and what it was called with;
   * nothing is published of `undefined` and `null`.
   * @default the result: an instance of the class, or an object of which the fields are taken
   * that the class has validation rules for; or an array of them
   */
  readonly map?: (
    result: Result,
    ...args: any[]
  ) => Published<Event> | Promise<Published<Event>>;
  /** Whom an event is for, and how it is kept: as the second argument of `hub.publish(event, …)`. */
  readonly delivery?: DeliveryOptions | ((event: Event) => DeliveryOptions);
  /**
   * What happens when an event cannot be published: the call fails, or the error is logged and
   * the call succeeds. What the method has done is done in both cases. A method that
   * returns neither a promise nor an observable cannot wait: there it is always logged.
   * @default 'throw'
   */
  readonly onError?: 'throw' | 'log';
}

/** Publishes what a method with `@PublishEvent()` has returned. */
export class Publication {
  constructor(
    /** For messages. */
    readonly method: string,
    private readonly eventClass: EventClass,
    private readonly options: PublishEventOptions<object>,
  ) {}

  /** One after the other, so that they are in the log in their order. */
  async publish(
    hub: EventHub,
    result: unknown,
    args: readonly unknown[],
  ): Promise<void> {
    const { map, delivery } = this.options;
    const made = map === undefined ? result : await map(result, ...args);
    for (const one of Array.isArray(made) ? (made as unknown[]) : [made]) {
      if (one !== undefined && one !== null) {
        const event = await this.#toEvent(one);
        await hub.publish(
          event,
          typeof delivery === 'function' ? delivery(event) : delivery,
        );
      }
    }
  }

  /**
   * An object of another class or none, such as a row of the database, may have fields that
   * are nobody's business. So of it only those go out that the event's class has rules for.
   */
  async #toEvent(value: unknown): Promise<object> {
    if (value instanceof this.eventClass) {
      return value;
    }
    if (typeof value !== 'object' || value === null) {
      return this.#refuse(`a ${typeof value}`);
    }
    const made = await toEventOf(this.eventClass, value);
    return 'event' in made
      ? made.event
      : this.#refuse(`a ${value.constructor?.name}`, `, because ${made.flaw}`);
  }

  #refuse(what: string, why = ''): never {
    const { name } = this.eventClass;
    throw new InvalidPublisherException(
      `${this.method} has @PublishEvent(${name}) and gave ${what}, of which no ${name} can be made${why}. Say what to publish: @PublishEvent(${name}, { map: (result) => new ${name}(…) }).`,
    );
  }
}
