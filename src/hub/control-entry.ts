import type { LogRecord } from '../log/event-log.js';
import { InvalidRevocationException } from './hub.exceptions.js';
import { checkTopic } from './topic.js';

/**
 * The topic of the hub's own entries. Neither `checkTopic` nor `checkPattern` lets an
 * application have it, because of the `*`.
 */
export const CONTROL_TOPIC = '*hub';

/** Whom `hub.disconnect` means; what is given must all hold. */
export interface DisconnectCriteria {
  /** All connections of this user. Ids compare as strings. */
  readonly user?: string | number | bigint;
  /** The connection with this id. */
  readonly connection?: string;
  /** Connections whose stream covers this literal topic, by its topics or its patterns. */
  readonly topic?: string;
}

/** Whom `hub.refresh` means. */
export interface RefreshCriteria {
  /** All connections of this user. Ids compare as strings. */
  readonly user: string | number | bigint;
}

/** A `hub.disconnect` as every node reads it in the log. */
export interface Disconnect {
  readonly type: 'hub.disconnect';
  readonly user?: string;
  readonly connection?: string;
  readonly topic?: string;
  readonly reason: string;
}

/** A `hub.refresh` as every node reads it in the log. */
export interface Refresh {
  readonly type: 'hub.refresh';
  readonly user: string;
}

/** One of the hub's own entries. */
export type ControlEntry = Disconnect | Refresh;

/** Who acts on the hub's own entries, in the turn in which a node meets them in the log. */
export interface ControlListener {
  disconnect(entry: Disconnect): void;
  refresh(entry: Refresh): void;
  /**
   * Entries may have gone from the log before this node has met them: nobody can say whom
   * they meant.
   */
  missed(): void;
}

/** The longest reason, in characters. */
const MAX_REASON_LENGTH = 64;

/** The longest connection id, in characters. */
const MAX_CONNECTION_LENGTH = 255;

/**
 * The entry of a `hub.disconnect`.
 *
 * @throws InvalidRevocationException, InvalidTopicException
 */
export function toDisconnectRecord(
  criteria: DisconnectCriteria,
  reason: string,
): LogRecord {
  const refuse = refuserOf('hub.disconnect');
  checkFields(criteria, ['user', 'connection', 'topic'], refuse);
  const { user, connection, topic } = criteria;
  if (
    connection !== undefined &&
    (typeof connection !== 'string' ||
      connection === '' ||
      connection.length > MAX_CONNECTION_LENGTH)
  ) {
    refuse('"connection" must be the id of a connection, a string.');
  }
  if (topic !== undefined) {
    checkTopic(topic);
  }
  if (
    typeof reason !== 'string' ||
    reason === '' ||
    reason.length > MAX_REASON_LENGTH
  ) {
    refuse(
      `the reason must be a string of 1 to ${MAX_REASON_LENGTH} characters, a word for the page such as 'signed-out'.`,
    );
  }
  return recordOf('hub.disconnect', {
    user: user === undefined ? undefined : toUserId(user, refuse),
    connection,
    topic,
    reason,
  });
}

/**
 * The entry of a `hub.refresh`.
 *
 * @throws InvalidRevocationException
 */
export function toRefreshRecord(criteria: RefreshCriteria): LogRecord {
  const refuse = refuserOf('hub.refresh');
  checkFields(criteria, ['user'], refuse);
  return recordOf('hub.refresh', { user: toUserId(criteria.user, refuse) });
}

/** What one of the hub's own entries says; `undefined` for a kind that another version has. */
export function readControlEntry(
  type: string,
  text: string,
): ControlEntry | undefined {
  return type === 'hub.disconnect' || type === 'hub.refresh'
    ? ({ ...(JSON.parse(text) as object), type } as ControlEntry)
    : undefined;
}

type Refuse = (message: string) => never;

function refuserOf(method: string): Refuse {
  return (message) => {
    throw new InvalidRevocationException(`${method}: ${message}`);
  };
}

function checkFields(
  criteria: object,
  fields: readonly string[],
  refuse: Refuse,
): void {
  const example = `Give ${fields.map((field) => `"${field}"`).join(', ')}`;
  if (typeof criteria !== 'object' || criteria === null) {
    refuse(`the criteria must be an object. ${example}.`);
  }
  const unknown = Object.keys(criteria).find(
    (field) => !fields.includes(field),
  );
  if (unknown !== undefined) {
    // Ignored, it would end more than was meant.
    refuse(`unknown criterion "${unknown}". ${example}.`);
  }
  const given = Object.entries(criteria);
  const missing = given.find(([, value]) => value === undefined);
  if (missing !== undefined) {
    // Passed over, it would end more than was meant, such as everybody on a topic.
    const [field] = missing;
    refuse(
      `"${field}" is undefined: its value is missing. Check where it comes from${field === 'user' ? ', such as session.userId: nobody is signed in there, or the session was destroyed before it was read' : ''}.`,
    );
  }
  if (given.length === 0) {
    refuse(
      fields.length > 1
        ? `no criterion. ${example}, at least one of them; what is given must all hold.`
        : `no criterion. ${example}.`,
    );
  }
}

function toUserId(user: unknown, refuse: Refuse): string {
  if (!['string', 'number', 'bigint'].includes(typeof user) || user === '') {
    refuse('"user" must be the id of a user, a string or a number.');
  }
  return String(user);
}

function recordOf(type: ControlEntry['type'], data: object): LogRecord {
  return {
    topic: CONTROL_TOPIC,
    type,
    data: JSON.stringify(data),
    time: Date.now(),
  };
}
