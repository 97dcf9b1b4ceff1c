import type { Cursor } from '../log/cursor.js';
import type {
  EventClass,
  HubEventOf,
  SelectEventsOptions,
} from './event-class.js';
import type {
  AnyEventMap,
  DataOf,
  EventMap,
  EventOf,
  TopicOf,
  TypeOf,
} from './event-map.js';
import type { DeliveryOptions } from './publisher.js';
import type { Rewind } from './rewind.js';
import type { SelectionOptions } from './selection.js';
import type { StreamConnection } from './stream-connection.js';

/** An event that `publish` takes for one topic of a map. */
export type PublishOf<Map extends EventMap, Topic extends TopicOf<Map>> = {
  [Type in TypeOf<Map, Topic>]: DeliveryOptions & {
    readonly data: DataOf<Map, Topic, Type>;
  } & ('message' extends Type
      ? { readonly type?: Type }
      : { readonly type: Type });
}[TypeOf<Map, Topic>];

/** What `listen` and `stream` select. */
export interface SelectOptions<
  Map extends EventMap,
  Topic extends TopicOf<Map>,
  Type extends string,
> {
  /** Literal topics. */
  readonly topics?: readonly Topic[];
  /** Topics with wildcards: `*` is one segment, `**` any number. */
  readonly patterns?: readonly string[];
  /** Only events of these types. */
  readonly types?: readonly Type[];
}

/** What `stream` takes. */
export interface StreamOptions<
  Map extends EventMap,
  Topic extends TopicOf<Map>,
  Type extends string,
> extends SelectOptions<Map, Topic, Type> {
  /**
   * A synchronous filter run by the hub. Prefer it to `pipe(filter(…))` on busy
   * topics: what it drops moves the client's cursor all the same.
   */
  readonly where?: (event: EventOf<Map, Topic, Type>) => boolean;
  /** Retained events that a client without a cursor gets first. */
  readonly rewind?: Rewind;
  /**
   * The cursor behind which a client without one of its own begins: that of `hub.history` or
   * `hub.snapshot`. Not together with `rewind`; an empty one is none.
   */
  readonly after?: Cursor;
  /** The connection that the stream is for, from `@Connection()`. */
  readonly for: StreamConnection;
}

/** What `history` takes. */
export interface HistoryOptions<
  Map extends EventMap,
  Topic extends TopicOf<Map>,
  Type extends string,
> extends Omit<StreamOptions<Map, Topic, Type>, 'rewind' | 'after'> {
  /** How much of what is retained. */
  readonly rewind: Rewind;
}

/** What `listen` takes. */
export interface ListenOptions<
  Map extends EventMap,
  Topic extends TopicOf<Map>,
  Type extends string,
> extends SelectOptions<Map, Topic, Type> {
  /** Also events that are for some users or roles only. */
  readonly audience?: 'all';
}

/** What `stream` takes to select by classes of events. */
export interface StreamEventsOptions<Classes extends readonly EventClass[]>
  extends
    SelectEventsOptions<Classes>,
    Pick<
      StreamOptions<AnyEventMap, string, string>,
      'rewind' | 'after' | 'for'
    > {
  /** As `where` of `StreamOptions`. */
  readonly where?: (event: HubEventOf<Classes[number]>) => boolean;
}

/** What `history` takes to select by classes of events. */
export interface HistoryEventsOptions<
  Classes extends readonly EventClass[],
> extends Omit<StreamEventsOptions<Classes>, 'rewind' | 'after'> {
  /** As `rewind` of `HistoryOptions`. */
  readonly rewind: Rewind;
}

/** What `listen` takes to select by classes of events. */
export interface ListenEventsOptions<Classes extends readonly EventClass[]>
  extends
    SelectEventsOptions<Classes>,
    Pick<ListenOptions<AnyEventMap, string, string>, 'audience'> {}

/** What selects, by topics or by classes. */
export type AnySelection =
  SelectionOptions | SelectEventsOptions<readonly EventClass[]>;

/** Data and the cursor from which a client continues after it. */
export interface Snapshot<Data> {
  readonly data: Data;
  /** Connect with `?lastEventId=<cursor>` to miss nothing since. */
  readonly cursor: Cursor;
}
