import type { HubEvent } from './hub-event.js';

/**
 * Which events an application has: topic → type → data. Keys may be template
 * literals.
 *
 * @example
 * ```ts
 * interface Events {
 *   movies: { 'movie.added': Movie; 'movie.removed': { id: number } };
 *   [users: `users.${string}`]: { recommendation: Movie };
 * }
 * constructor(private readonly hub: EventHub<Events>) {}
 * ```
 */
export type EventMap = object;

/** The map of a hub without one: any topic, any type, any data. */
export type AnyEventMap = Record<string, Record<string, any>>;

/** The map itself; any events for one without keys, such as that of `app.get(EventHub)`. */
type Known<Map extends EventMap> = [keyof Map] extends [never]
  ? AnyEventMap
  : Map;

/** The topics of a map. */
export type TopicOf<Map extends EventMap> = keyof Known<Map> & string;

/** The data of a topic's events of one type. */
export type DataOf<
  Map extends EventMap,
  Topic extends TopicOf<Map>,
  Type extends TypeOf<Map, Topic>,
> = Known<Map>[Topic][Type];

/** The types of one topic's events. */
export type TypeOf<
  Map extends EventMap,
  Topic extends TopicOf<Map>,
> = keyof Known<Map>[Topic] & string;

/** The events of a map on given topics, a union that `topic` and `type` discriminate. */
export type EventOf<
  Map extends EventMap,
  Topic extends TopicOf<Map> = TopicOf<Map>,
  Type extends string = string,
> =
  string extends TopicOf<Map>
    ? HubEvent
    : {
        [T in Topic]: {
          [K in TypeOf<Map, T>]: K extends Type
            ? HubEvent<T, K, DataOf<Map, T, K>>
            : never;
        }[TypeOf<Map, T>];
      }[Topic];
