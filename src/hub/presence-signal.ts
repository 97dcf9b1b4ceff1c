import type { LogRecord } from '../log/event-log.js';
import { CONTROL_TOPIC } from './control-entry.js';

/** Some users of a topic. */
export type TopicUsers = readonly [topic: string, users: readonly string[]];

/** One user on one topic. */
export type TopicUser = readonly [topic: string, user: string];

interface From {
  /** The node that sends it. */
  readonly node: string;
  /**
   * The version of what the node has: each `changes` is the next one. Version 0 is nobody.
   */
  readonly version: number;
}

/** What nodes tell each other about who is connected to them. */
export type PresenceSignal =
  /** What makes this version of the one before. */
  | (From & {
      readonly is: 'changes';
      readonly joined: readonly TopicUsers[];
      readonly left: readonly TopicUsers[];
    })
  /** The node is there, and has this version. */
  | (From & { readonly is: 'beat' })
  /** One of the parts of all that the node has in this version. */
  | (From & {
      readonly is: 'state';
      readonly part: number;
      readonly parts: number;
      readonly users: readonly TopicUsers[];
    })
  /** Who is named, or everybody, is to send all that they have. */
  | (From & { readonly is: 'ask'; readonly of?: readonly string[] })
  /** The node closes: its clients go to others. */
  | (From & { readonly is: 'bye' });

const PREFIX = 'hub.presence.';

/** How long the lists of one signal may be, in characters. */
const PART_LENGTH = 16 * 1024;

/** What JSON adds to a name, in characters. */
const QUOTES = 3;

/** The signal as the log carries it, under the topic of the hub's own, which no stream gets. */
export function toPresenceRecord({ is, ...rest }: PresenceSignal): LogRecord {
  return {
    topic: CONTROL_TOPIC,
    type: PREFIX + is,
    data: JSON.stringify(rest),
    time: Date.now(),
  };
}

/** What a node has sent; `undefined` for a kind that another version of this package has. */
export function readPresenceSignal(
  type: string,
  text: string,
): PresenceSignal | undefined {
  const is = type.startsWith(PREFIX) ? type.slice(PREFIX.length) : '';
  return KINDS.has(is)
    ? ({ ...(JSON.parse(text) as object), is } as PresenceSignal)
    : undefined;
}

const KINDS: ReadonlySet<string> = new Set<PresenceSignal['is']>([
  'changes',
  'beat',
  'state',
  'ask',
  'bye',
]);

/**
 * Groups users by topic, in parts that fit a signal each.
 * @returns at least one part, which may be empty
 */
export function inParts(
  users: Iterable<TopicUser>,
  length = PART_LENGTH,
): readonly (readonly TopicUsers[])[] {
  const parts = [new Map<string, string[]>()];
  let part = parts[0]!;
  let taken = 0;
  for (const [topic, user] of users) {
    if (taken >= length) {
      parts.push((part = new Map()));
      taken = 0;
    }
    const list = part.get(topic);
    if (list === undefined) {
      part.set(topic, [user]);
      taken += topic.length + 2 * QUOTES;
    } else {
      list.push(user);
    }
    taken += user.length + QUOTES;
  }
  return parts.map((each) => [...each]);
}

/** One by one. */
export function* eachUser(
  lists: Iterable<readonly [string, Iterable<string>]>,
): Generator<TopicUser> {
  for (const [topic, users] of lists) {
    for (const user of users) {
      yield [topic, user];
    }
  }
}
