import type { Audience, LogRecord } from '../log/event-log.js';
import {
  EventTooLargeException,
  InvalidEventException,
} from './hub.exceptions.js';
import { MAX_NAME_LENGTH, typeFlaw } from './event-type.js';
import { serialize } from './serialize.js';
import { checkTopic } from './topic.js';

/** What `publish` takes besides `type` and `data`. */
export interface DeliveryOptions {
  /** Only these users get it, live and in replay. Ids compare as strings. */
  readonly users?: readonly (string | number | bigint)[];
  /** Only users with one of these roles get it. With `users`: either suffices. */
  readonly roles?: readonly string[];
  /** Sent to who is connected now, without an id, and never replayed. */
  readonly ephemeral?: boolean;
  /**
   * Makes a repeated publish of the same event safe: while the first is retained,
   * the log has it once. At most 255 characters.
   */
  readonly idempotencyKey?: string;
}

/** An event as an application publishes it. */
export interface NewEvent<
  Type extends string = string,
  Data = any,
> extends DeliveryOptions {
  /**
   * The name that `addEventListener` listens for.
   * @default 'message'
   */
  readonly type?: Type;
  /** Anything that JSON can hold. A string is sent as it is, other data as JSON. */
  readonly data: Data;
}

const FIELDS = [
  'type',
  'data',
  'users',
  'roles',
  'ephemeral',
  'idempotencyKey',
];

/**
 * Validates and serializes an event.
 *
 * @param maxBytes the largest data in bytes
 * @param time when it is published, in milliseconds since the Unix epoch
 * @throws InvalidTopicException, InvalidEventException, UnserializableDataException, EventTooLargeException
 */
export function toRecord(
  topic: string,
  event: NewEvent,
  maxBytes: number,
  time = Date.now(),
): LogRecord {
  checkTopic(topic);
  if (typeof event !== 'object' || event === null) {
    throw new InvalidEventException(
      `publish('${topic}', …): the event must be { type?, data }.`,
    );
  }
  const { type = 'message', idempotencyKey, ephemeral } = event;
  const refuse = (message: string): never => {
    throw new InvalidEventException(`publish('${topic}', …): ${message}`);
  };
  const unknown = Object.keys(event).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) {
    refuse(`unknown field "${unknown}". Known fields: ${FIELDS.join(', ')}.`);
  }
  const flaw = typeFlaw(type);
  if (flaw !== undefined) {
    refuse(flaw);
  }
  if (idempotencyKey !== undefined) {
    if (ephemeral) {
      refuse(
        'an ephemeral event is not kept, so "idempotencyKey" cannot hold. Leave one out.',
      );
    }
    if (
      typeof idempotencyKey !== 'string' ||
      idempotencyKey === '' ||
      idempotencyKey.length > MAX_NAME_LENGTH
    ) {
      refuse(
        `"idempotencyKey" must be a string of 1 to ${MAX_NAME_LENGTH} characters.`,
      );
    }
  }
  const data = serialize(event.data);
  const bytes = Buffer.byteLength(data);
  if (bytes > maxBytes) {
    throw new EventTooLargeException(
      `publish('${topic}', …): the data of "${type}" has ${bytes} bytes as JSON; at most ${maxBytes} fit (slowClient.maxPendingBytes). Publish a reference that clients fetch.`,
    );
  }
  return {
    topic,
    type,
    data,
    time,
    audience: toAudience(event, refuse),
    idempotencyKey:
      idempotencyKey === undefined ? undefined : `${topic} ${idempotencyKey}`,
  };
}

function toAudience(
  { users, roles }: DeliveryOptions,
  refuse: (message: string) => never,
): Audience | undefined {
  if (users === undefined && roles === undefined) {
    return undefined;
  }
  for (const [field, list] of Object.entries({ users, roles })) {
    if (list === undefined) {
      continue;
    }
    const isIds =
      Array.isArray(list) &&
      list.every(
        (id) =>
          ['string', 'number', 'bigint'].includes(typeof id) &&
          String(id) !== '',
      );
    if (!isIds) {
      refuse(`"${field}" must be an array of ids (strings or numbers).`);
    }
  }
  return {
    ...(users && { users: users.map(String) }),
    ...(roles && { roles: roles.map(String) }),
  };
}
