import { Subject, Subscriber, Subscription } from 'rxjs';
import type { Observer } from 'rxjs';
import type { Audience } from '../log/event-log.js';
import { ByUser } from './by-user.js';
import type { HubEvent } from './hub-event.js';
import { PatternTrie } from './pattern-trie.js';
import type { Listener, Selection } from './selection.js';

/** What is observed of one topic or pattern by one audience. */
class Channel extends Subject<HubEvent> {
  /** Who holds it: the observers. */
  holders = 0;
}

type ByAudience = Map<string, Channel>;

/** Who observes what, in the name of a user. */
interface UserStream {
  readonly selection: Selection;
  readonly observer: Partial<Observer<HubEvent>>;
  readonly subscription: Subscription;
}

const EVERYONE = '';
const ALL = ' all';
const roleKey = (role: string): string => ` role ${role}`;

/**
 * The index of who listens: RxJS Subjects keyed by topic or pattern and by audience, made when
 * first observed and dropped when last unobserved. A user has few streams and would need a Subject
 * for each of their topics: events for users find the user's streams, which say whether they have
 * the topic. So an event costs what those cost whom it is for, however many others there are.
 */
export class Subjects {
  /** By topic and audience in one string: a topic has no space, so a key is unambiguous. */
  readonly #topics = new Map<string, Channel>();
  readonly #patterns = new PatternTrie<ByAudience>();
  readonly #users = new ByUser<UserStream>();

  /**
   * Observes every Subject that a selection needs, and what is for its user. An event that several
   * of them carry comes several times in a row.
   */
  observe(
    selection: Selection,
    observer: Partial<Observer<HubEvent>>,
  ): Subscription {
    // A subscriber is a subscription, and to add it to itself does nothing.
    const subscription =
      observer instanceof Subscriber ? observer : new Subscription();
    for (const audience of audiencesOf(selection.listener)) {
      for (const topic of selection.topics) {
        const channel = this.#topicChannel(topic + audience);
        subscription.add(channel.subscribe(observer));
      }
      for (const pattern of selection.patterns) {
        const channel = this.#patternChannel(pattern, audience);
        subscription.add(channel.subscribe(observer));
      }
    }
    const { userId } = selection.listener;
    const stream = { selection, observer, subscription };
    this.#users.add(userId, stream);
    subscription.add(() => {
      this.#users.delete(userId, stream);
      this.#release(selection);
    });
    return subscription;
  }

  /**
   * Hands an event to everyone who observes it.
   * @returns how many observers were asked
   */
  dispatch(event: HubEvent): number {
    let asked = 0;
    for (const userId of new Set(event.audience?.users)) {
      for (const { selection, observer, subscription } of this.#users.of(
        userId,
      )) {
        if (!subscription.closed && selection.coversTopic(event.topic)) {
          observer.next?.(event);
        }
        asked++;
      }
    }
    const patterns = this.#patterns.match(event.topic);
    for (const audience of keysOf(event.audience)) {
      asked += emit(this.#topics.get(event.topic + audience), event);
      for (const channels of patterns) {
        asked += emit(channels.get(audience), event);
      }
    }
    return asked;
  }

  /** Completes every Subject. */
  complete(): void {
    for (const channel of this.#topics.values()) {
      channel.complete();
    }
    for (const channels of this.#patterns.values()) {
      for (const channel of channels.values()) {
        channel.complete();
      }
    }
  }

  /** Subjects, and users with streams, that there are now. */
  get size(): number {
    return this.#topics.size + this.#patterns.size + this.#users.size;
  }

  #topicChannel(key: string): Channel {
    let channel = this.#topics.get(key);
    if (channel === undefined) {
      this.#topics.set(key, (channel = new Channel()));
    }
    channel.holders++;
    return channel;
  }

  #patternChannel(pattern: string, audience: string): Channel {
    let channels = this.#patterns.get(pattern);
    if (channels === undefined) {
      this.#patterns.set(pattern, (channels = new Map<string, Channel>()));
    }
    let channel = channels.get(audience);
    if (channel === undefined) {
      channels.set(audience, (channel = new Channel()));
    }
    channel.holders++;
    return channel;
  }

  #release(selection: Selection): void {
    for (const audience of audiencesOf(selection.listener)) {
      for (const topic of selection.topics) {
        release(this.#topics, topic + audience);
      }
      for (const pattern of selection.patterns) {
        const channels = this.#patterns.get(pattern)!;
        release(channels, audience);
        if (channels.size === 0) {
          this.#patterns.delete(pattern);
        }
      }
    }
  }
}

function emit(channel: Channel | undefined, event: HubEvent): number {
  if (channel === undefined) {
    return 0;
  }
  const { holders } = channel;
  channel.next(event);
  return holders;
}

function release(channels: Map<string, Channel>, key: string): void {
  const channel = channels.get(key)!;
  if (--channel.holders === 0) {
    channels.delete(key);
  }
}

const OF_EVERYONE: readonly string[] = [EVERYONE];
const OF_ALL: readonly string[] = [ALL];

/** Under which keys a listener observes a topic. */
function audiencesOf({ roles, all }: Listener): readonly string[] {
  if (all) {
    return OF_ALL;
  }
  return roles === undefined || roles.length === 0
    ? OF_EVERYONE
    : [EVERYONE, ...roles.map(roleKey)];
}

const KEYS_OF_PUBLIC: readonly string[] = [EVERYONE, ALL];

/** Under which keys an event is dispatched, besides to its users. */
function keysOf(audience: Audience | undefined): readonly string[] {
  if (audience === undefined) {
    return KEYS_OF_PUBLIC;
  }
  return [...new Set(audience.roles?.map(roleKey)), ALL];
}
