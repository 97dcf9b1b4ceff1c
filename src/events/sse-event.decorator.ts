import type { EventClass } from '../hub/event-class.js';
import { typeFlaw } from '../hub/event-type.js';
import { InvalidEventException } from '../hub/hub.exceptions.js';
import { InvalidTopicException } from '../hub/topic.js';
import { TopicTemplate } from './topic-template.js';
import type { FieldsOf, Segment } from './topic-template.js';

const EVENT = Symbol('sse-event');

/** What `@SseEvent()` says of a class. */
export interface EventDefinition {
  readonly type: string;
  readonly topic: TopicTemplate;
}

/** Options of `@SseEvent()`. */
export interface SseEventOptions<Topic extends string = string> {
  /**
   * Where its events are published: a literal topic, or one with placeholders that fields of
   * the event fill, `users.:userId`. Each stays one segment, as an argument of `topic()` does.
   */
  readonly topic: Topic;
}

/** A class that fits its decorator: it has the fields of the topic, and says no other type. */
export type EventClassFor<
  Type extends string,
  Topic extends string,
> = (abstract new (
  ...args: any
) => Readonly<Record<FieldsOf<Topic>, Segment>>) & { readonly type?: Type };

/**
 * Class decorator: instances are events that `hub.publish(instance)` takes, with this type, on
 * this topic. Their fields are validated by class-validator's rules, if it is installed.
 *
 * A decorator cannot tell the compiler the type. A class that says it too, as
 * `static readonly type`, makes `hub.stream({ events })` emit a union that `type`
 * discriminates; the compiler compares the two.
 *
 * @param type the name that `addEventListener` listens for
 * @throws InvalidEventException, InvalidTopicException when the class is defined
 *
 * @example
 * ```ts
 * @SseEvent('movie.added', { topic: 'movies' })
 * class MovieAdded {
 *   static readonly type = 'movie.added';
 *
 *   @IsInt() readonly id: number;
 *   @IsString() readonly title: string;
 *
 *   constructor({ id, title }: Movie) {
 *     this.id = id;
 *     this.title = title;
 *   }
 * }
 * ```
 */
export function SseEvent<const Type extends string, const Topic extends string>(
  type: Type,
  options: SseEventOptions<Topic>,
): (target: EventClassFor<Type, Topic>) => void {
  return (target) => {
    const refuse = (flaw: string): never => {
      throw new InvalidEventException(`@SseEvent() of ${target.name}: ${flaw}`);
    };
    const flaw = typeFlaw(type);
    if (flaw !== undefined) {
      refuse(flaw);
    }
    if (Reflect.hasOwnMetadata(EVENT, target)) {
      refuse('there is another one. A class is one type of event.');
    }
    const said: unknown = target.type;
    if (typeof said === 'string' && said !== type) {
      refuse(
        `its type is "${type}", but the class has static type "${said}". Make them the same.`,
      );
    }
    const definition: EventDefinition = {
      type,
      topic: toTemplate(target.name, options?.topic),
    };
    Reflect.defineMetadata(EVENT, definition, target);
  };
}

/** @internal What a class, or one that it extends, was given; `undefined` without `@SseEvent()`. */
export function definitionOf(candidate: unknown): EventDefinition | undefined {
  return typeof candidate === 'function'
    ? (Reflect.getMetadata(EVENT, candidate) as EventDefinition | undefined)
    : undefined;
}

/** @internal The class that an object was made by. */
export function classOf(instance: object): EventClass | undefined {
  const prototype = Object.getPrototypeOf(instance) as object | null;
  return prototype?.constructor as EventClass | undefined;
}

function toTemplate(name: string, topic: string): TopicTemplate {
  try {
    return new TopicTemplate(topic);
  } catch (error) {
    throw new InvalidTopicException(
      `@SseEvent() of ${name}: ${(error as Error).message}`,
    );
  }
}
