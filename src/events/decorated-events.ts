import { Injectable } from '@nestjs/common';
import type {
  EventClass,
  EventReader,
  SelectEventsOptions,
} from '../hub/event-class.js';
import { InvalidEventException } from '../hub/hub.exceptions.js';
import type { DeliveryOptions, NewEvent } from '../hub/publisher.js';
import type { SelectionOptions } from '../hub/selection.js';
import { selectEvents } from './event-selection.js';
import { EventValidator } from './event-validator.js';
import type { ValidatorNow } from './event-validator.js';
import { classOf, definitionOf } from './sse-event.decorator.js';

interface ReadEvent {
  readonly topic: string;
  readonly event: NewEvent;
}

/** Reads events as their classes, with `@SseEvent()`, say. */
@Injectable()
export class DecoratedEvents implements EventReader {
  constructor(private readonly validator: EventValidator) {}

  load(): Promise<void> {
    return this.validator.load();
  }

  async read(
    instance: object,
    delivery: DeliveryOptions | undefined,
  ): Promise<ReadEvent> {
    const read = readInstance(instance, delivery);
    await this.validator.check(instance);
    return read();
  }

  /**
   * The same in one call, without asynchronous rules. For a hub on virtual time, where a promise is
   * too late.
   */
  readNow(
    instance: object,
    delivery: DeliveryOptions | undefined,
    validator: ValidatorNow | undefined,
  ): ReadEvent {
    const read = readInstance(instance, delivery);
    this.validator.checkNow(instance, validator);
    return read();
  }

  select(
    method: string,
    options: SelectEventsOptions<readonly EventClass[]> &
      Pick<SelectionOptions, 'where'>,
    mayBeOpen: boolean,
  ): SelectionOptions {
    return selectEvents(method, options, mayBeOpen);
  }
}

/** @returns what makes the event of it, once it was validated */
function readInstance(
  instance: object,
  delivery: DeliveryOptions | undefined,
): () => ReadEvent {
  const eventClass = classOf(instance);
  const definition = definitionOf(eventClass);
  if (definition === undefined) {
    throw new InvalidEventException(
      `publish(…): ${eventClass === undefined || eventClass === Object ? 'a plain object' : eventClass.name} is no event. Publish an instance of a class with @SseEvent(), or give a topic first: publish('movies', { type, data }).`,
    );
  }
  const { type, topic } = definition;
  const said = ['type', 'data'].find(
    (field) => delivery !== undefined && field in delivery,
  );
  if (said !== undefined) {
    throw new InvalidEventException(
      `publish(${eventClass!.name}, …): "${said}" is said by the event. What follows it is how it is delivered: users, roles, ephemeral, idempotencyKey.`,
    );
  }
  return () => ({
    topic: topic.fill(instance),
    event: { ...delivery, type, data: instance },
  });
}
