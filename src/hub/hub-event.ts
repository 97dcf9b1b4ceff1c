import type { Audience } from '../log/event-log.js';
import type { Cursor } from '../log/cursor.js';
import { typeFlaw } from './event-type.js';
import { InvalidEventException } from './hub.exceptions.js';
import { serialize } from './serialize.js';

/** What a `HubEvent` is made of; `text` is its data as JSON. */
export interface HubEventParts {
  readonly id?: Cursor;
  readonly topic: string;
  readonly type: string;
  readonly text: string;
  readonly time: number;
  readonly audience?: Audience;
  /** Whether it came out of the log, and not back from `publish`. */
  readonly dispatched?: boolean;
}

/** What an event's frame is made of. */
export type EncodedParts = Pick<HubEventParts, 'id' | 'type' | 'text'>;

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
  /** Whom it is for; `undefined`: everyone on the topic. */
  readonly audience?: Audience;
  readonly #text: string;
  readonly #time: number;
  readonly #dispatched: boolean;
  #data: Data | undefined;
  #parsed = false;
  #frame: unknown;

  /** @internal */
  constructor(parts: HubEventParts) {
    this.id = parts.id;
    this.topic = parts.topic as Topic;
    this.type = parts.type as Type;
    this.audience = deepFreeze(parts.audience);
    this.#text = parts.text;
    this.#time = parts.time;
    this.#dispatched = parts.dispatched === true;
    Object.freeze(this);
  }

  /** When it was published. */
  get time(): Date {
    return new Date(this.#time);
  }

  /** The data, parsed when first read. Frozen, because all subscribers share it. */
  get data(): Data {
    if (!this.#parsed) {
      this.#data = deepFreeze(JSON.parse(this.#text) as Data);
      this.#parsed = true;
    }
    return this.#data as Data;
  }

  /**
   * A copy with other data or another type that keeps id, topic and time, so that
   * the client's cursor moves on. (A spread, `{ ...event }`, loses getters.)
   *
   * @throws UnserializableDataException, InvalidEventException
   */
  with<NewType extends string = Type, NewData = Data>(changes: {
    readonly type?: NewType;
    readonly data?: NewData;
  }): HubEvent<Topic, NewType, NewData> {
    const flaw =
      changes.type === undefined ? undefined : typeFlaw(changes.type);
    if (flaw !== undefined) {
      throw new InvalidEventException(`event.with(): ${flaw}`);
    }
    return new HubEvent<Topic, NewType, NewData>({
      id: this.id,
      topic: this.topic,
      type: changes.type ?? this.type,
      text: changes.data === undefined ? this.#text : serialize(changes.data),
      time: this.#time,
      audience: this.audience,
      dispatched: this.#dispatched,
    });
  }

  /** Without the audience, which is no business of whoever gets it. */
  toJSON(): object {
    const { id, topic, type, data, time } = this;
    return { id, topic, type, data, time };
  }

  /**
   * What an encoder makes of an event, made once and kept with it.
   *
   * @internal
   */
  static shared<Frame>(
    event: HubEvent,
    encode: (parts: EncodedParts) => Frame,
  ): Frame {
    const { id, type } = event;
    return (event.#frame ??= encode({ id, type, text: event.#text })) as Frame;
  }

  /**
   * The same event for who is past it: without its id, which would move a cursor back.
   *
   * @internal
   */
  static withoutId(event: HubEvent): HubEvent {
    const { topic, type, audience } = event;
    return new HubEvent({
      topic,
      type,
      text: event.#text,
      time: event.#time,
      audience,
      dispatched: event.#dispatched,
    });
  }

  /** @internal */
  static textOf(event: HubEvent): string {
    return event.#text;
  }

  /** @internal Whether it came out of the log, and not back from `publish`. */
  static isDispatched(event: HubEvent): boolean {
    return event.#dispatched;
  }
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
