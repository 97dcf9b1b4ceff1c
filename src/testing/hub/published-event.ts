import type {
  EventMap,
  EventOf,
  TopicOf,
  TypeOf,
  DataOf,
} from '../../hub/event-map.js';
import type { HubEvent } from '../../hub/hub-event.js';
import type { Audience } from '../../log/event-log.js';

/** What was published, as the service gave it and as subscribers get it. */
export interface PublishedRecord<
  Topic extends string = string,
  Type extends string = string,
  Data = any,
> {
  readonly topic: Topic;
  readonly type: Type;
  /** The data as the service gave it: an instance of a class is still one. */
  readonly data: Data;
  /** Whom it is for; `undefined`: everyone on the topic. Ids are strings. */
  readonly audience: Audience | undefined;
  readonly ephemeral: boolean;
  /** The event, whose data is what clients see: JSON, without what is excluded. */
  readonly event: HubEvent<Topic, Type>;
}

/** What was published on a hub with a map of events: a union that `topic` and `type` discriminate. */
export type PublishedEvent<Map extends EventMap> =
  string extends TopicOf<Map>
    ? PublishedRecord
    : {
        [Topic in TopicOf<Map>]: {
          [Type in TypeOf<Map, Topic>]: PublishedRecord<
            Topic,
            Type,
            DataOf<Map, Topic, Type>
          > & { readonly event: EventOf<Map, Topic, Type> };
        }[TypeOf<Map, Topic>];
      }[TopicOf<Map>];
