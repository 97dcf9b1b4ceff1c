import type { Audience } from '../log/event-log.js';
import type { Cursor } from '../log/cursor.js';
import { serialize } from './serialize.js';

/** What a `HubEvent` is made of; `text` is its data as JSON. */
export interface HubEventParts {
  readonly id?: Cursor;
  readonly topic: string;
  readonly type: string;
  readonly text: string;
  readonly time: number;
  readonly audience?: Audience;
}

/**
 * An event as every subscriber of every node gets it. One object is shared by
 * all of them, so it and its data are read-only; `with()` makes a changed copy.
 * It has the fields of Nest's `MessageEvent` and can be returned from `@Sse()`.
 */
export class HubEvent<
  Topic extends string = string,
  Type extends string = string,
  Data = any,
> {
  /** The cursor; ephemeral events have none. */
  readonly id?: Cursor;
  readonly topic: Topic;
  readonly type: Type;
  /** When it was published. */
  readonly time: Date;
  /** Whom it is for; `undefined`: everyone on the topic. */
  readonly audience?: Audience;
  readonly #text: string;
  #data: Data | undefined;
  #parsed = false;
  #frame: unknown;

  /** @internal */
  constructor(parts: HubEventParts) {
    this.id = parts.id;
    this.topic = parts.topic as Topic;
    this.type = parts.type as Type;
    this.time = new Date(parts.time);
    this.audience = parts.audience;
    this.#text = parts.text;
  }

  /** The data, parsed when first read. Frozen, because all subscribers share it. */
  get data(): Data {
    if (!this.#parsed) {
      this.#data = deepFreeze(JSON.parse(this.#text)) as Data;
      this.#parsed = true;
    }
    return this.#data as Data;
  }

  /**
   * A copy with other data or another type that keeps id, topic and time, so that
   * the client's cursor moves on. (A spread, `{ ...event }`, loses getters.)
   *
   * @throws UnserializableDataException
   */
  with<NewType extends string = Type, NewData = Data>(changes: {
    readonly type?: NewType;
    readonly data?: NewData;
  }): HubEvent<Topic, NewType, NewData> {
    return new HubEvent<Topic, NewType, NewData>({
      id: this.id,
      topic: this.topic,
      type: changes.type ?? this.type,
      text: changes.data === undefined ? this.#text : serialize(changes.data),
      time: this.time.getTime(),
      audience: this.audience,
    });
  }

  toJSON(): object {
    const { id, topic, type, data, time, audience } = this;
    return { id, topic, type, data, time, audience };
  }

  /**
   * What an encoder makes of this event's parts, made once and kept with it.
   *
   * @internal
   */
  static shared<Frame>(
    event: HubEvent,
    encode: (parts: HubEventParts) => Frame,
  ): Frame {
    return (event.#frame ??= encode(HubEvent.#parts(event))) as Frame;
  }

  /** @internal */
  static textOf(event: HubEvent): string {
    return event.#text;
  }

  static #parts(event: HubEvent): HubEventParts {
    const { id, topic, type, time, audience } = event;
    return {
      id,
      topic,
      type,
      text: event.#text,
      time: time.getTime(),
      audience,
    };
  }
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
