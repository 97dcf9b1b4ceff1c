import type { HubEvent } from './hub-event.js';
import type { DeliveryOptions, NewEvent } from './publisher.js';
import type { SelectionOptions } from './selection.js';

/** A class with `@SseEvent()`. */
export type EventClass = abstract new (...args: any) => object;

/**
 * What JSON makes of a value: methods are gone, dates are strings. What class-transformer's
 * decorators change is not known to the compiler.
 */
export type Plain<Value> = 0 extends 1 & Value
  ? any
  : Value extends { toJSON(...args: any): infer Json }
    ? Plain<Json>
    : Value extends readonly unknown[]
      ? { [Index in keyof Value]: Plain<Value[Index]> }
      : Value extends object
        ? {
            [Key in keyof Value as DataKey<Value, Key>]: Plain<Value[Key]>;
          }
        : Value;

type DataKey<Value, Key extends keyof Value> = Key extends symbol
  ? never
  : Value[Key] extends (...args: any) => unknown
    ? never
    : Key;

/** The type of a class's events, if the class says it: `static readonly type = 'movie.added'`. */
export type EventTypeOf<Class extends EventClass> = Class extends {
  readonly type: infer Type extends string;
}
  ? Type
  : string;

/** The events of classes, a union that `type` discriminates. */
export type HubEventOf<Class extends EventClass> = Class extends EventClass
  ? HubEvent<string, EventTypeOf<Class>, Plain<InstanceType<Class>>>
  : never;

/** What `listen` and `stream` select by classes. */
export interface SelectEventsOptions<Classes extends readonly EventClass[]> {
  /**
   * Classes with `@SseEvent()`. Their types are selected, and their topics, which need not be
   * repeated in `topics`.
   */
  readonly events: Classes;
  /** Literal topics, to say which of a topic with placeholders. */
  readonly topics?: readonly string[];
  /** Topics with wildcards, for the same: `users.*` is everything of `users.:userId`. */
  readonly patterns?: readonly string[];
  /** The classes say it. */
  readonly types?: undefined;
}

/** What a hub asks about classes with `@SseEvent()`. */
export interface EventReader {
  /** Fails if events cannot be read as the application has asked for. */
  load(): Promise<void>;
  /**
   * Validates an instance, and makes what is published of it.
   *
   * @throws InvalidEventException, InvalidTopicException, EventValidationException
   */
  read(
    instance: object,
    delivery: DeliveryOptions | undefined,
  ): Promise<{ readonly topic: string; readonly event: NewEvent }>;
  /**
   * The topics, patterns and types of classes, and what keeps events of others out.
   *
   * @param method what the message of an error begins with
   * @param mayBeOpen whether a topic with placeholders that nothing fills stands for all of its topics
   * @throws InvalidStreamException, InvalidTopicException
   */
  select(
    method: string,
    options: SelectEventsOptions<readonly EventClass[]> &
      Pick<SelectionOptions, 'where'>,
    mayBeOpen: boolean,
  ): SelectionOptions;
}
