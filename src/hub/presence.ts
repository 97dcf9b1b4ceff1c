import { AsyncResource } from 'node:async_hooks';
import { Observable, Subject } from 'rxjs';
import { PresenceRoster } from './presence-roster.js';
import type { TopicUser } from './presence-signal.js';
import { PresenceSync } from './presence-sync.js';
import type { SignalBus } from './presence-sync.js';
import { REAL_TIMERS } from './timers.js';
import type { Timers } from './timers.js';

/** Who is on a topic now, on all nodes that share a log. */
export interface PresenceState {
  /** How many users. */
  readonly count: number;
  /** Their ids, as strings; a user with three tabs is there once. */
  readonly users: readonly string[];
}

/** A user came to a topic, or left it. */
export interface PresenceChange {
  readonly type: 'joined' | 'left';
  /** The user's id, as a string. */
  readonly user: string;
  readonly topic: string;
}

interface Absence {
  readonly topic: string;
  readonly user: string;
  /** When the user has left. */
  readonly until: number;
}

/**
 * Which users have streams of which literal topics, on this node and, once it spans a log that is
 * shared, on the others. A user whose last stream of a topic ends is still counted for the grace,
 * in which a client reconnects. It costs nothing per event, and one timer for all who are in
 * their grace.
 */
export class Presence {
  readonly #scope = new AsyncResource('SsePresence');
  /** By topic, the users' streams on this node; a user in its grace has none. */
  readonly #topics = new Map<string, Map<string, number>>();
  readonly #changes = new Map<string, Subject<PresenceChange>>();
  /** Users in their grace, by topic and user: as all have the same, the first is due first. */
  readonly #absent = new Map<string, Absence>();
  readonly #roster = new PresenceRoster((change) => this.#tell(change));
  #sync: PresenceSync | undefined;
  #untold: PresenceChange[] = [];
  /** Ends the wait for who is due first. */
  #stopWaiting: (() => void) | undefined;
  #stopped = false;

  /**
   * @param grace how long a user may be away before `left` is told, in milliseconds
   * @param now a clock that is never set, in milliseconds
   * @param random from 0 up to 1
   * @param timers by the same clock
   */
  constructor(
    private readonly grace: number,
    private readonly now: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
    private readonly timers: Timers = REAL_TIMERS,
  ) {}

  /** Spans the nodes of a log from now on; called again, it does nothing. */
  span(bus: SignalBus): void {
    if (this.#sync === undefined && !this.#stopped) {
      const { grace, now, random } = this;
      this.#sync = this.#scope.runInAsyncScope(
        () =>
          new PresenceSync(bus, this.#roster, () => this.#held(), {
            grace,
            now,
            random,
          }),
      );
    }
  }

  /** Takes a signal of a node. */
  receive(type: string, text: string): void {
    this.#sync?.receive(type, text);
  }

  /** A stream of a user begins. */
  join(topics: readonly string[], user: string): void {
    for (const topic of topics) {
      let users = this.#topics.get(topic);
      if (users === undefined) {
        this.#topics.set(topic, (users = new Map()));
      }
      const streams = users.get(user);
      users.set(user, (streams ?? 0) + 1);
      if (streams === undefined) {
        this.#roster.add(topic, user);
        this.#sync?.changed(topic, user, true);
      } else if (streams === 0) {
        this.#absent.delete(keyOf(topic, user));
      }
    }
  }

  /** A stream that joined has ended. */
  leave(topics: readonly string[], user: string): void {
    for (const topic of topics) {
      const users = this.#topics.get(topic)!;
      const streams = users.get(user)! - 1;
      users.set(user, streams);
      if (streams === 0 && !this.#stopped) {
        const until = this.now() + this.grace;
        this.#absent.set(keyOf(topic, user), { topic, user, until });
        this.#arm();
      }
    }
  }

  /** Users on a topic, with those in their grace. */
  of(topic: string): PresenceState {
    return this.#roster.of(topic);
  }

  /** What changes from now on; it completes when the application closes. */
  changes(topic: string): Observable<PresenceChange> {
    return new Observable((subscriber) => {
      if (this.#stopped) {
        subscriber.complete();
        return;
      }
      let subject = this.#changes.get(topic);
      if (subject === undefined) {
        this.#changes.set(topic, (subject = new Subject()));
      }
      const subscription = subject.subscribe(subscriber);
      return () => {
        subscription.unsubscribe();
        if (!subject.observed && this.#changes.get(topic) === subject) {
          this.#changes.delete(topic);
        }
      };
    });
  }

  /**
   * The application closes: nobody is told to have left, who will be back elsewhere.
   * @returns when the other nodes have been told, as far as that can be
   */
  async stop(): Promise<void> {
    if (this.#stopped) {
      return;
    }
    this.#stopped = true;
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#absent.clear();
    this.#flush();
    for (const subject of this.#changes.values()) {
      subject.complete();
    }
    await this.#sync?.stop();
  }

  *#held(): Generator<TopicUser> {
    for (const [topic, users] of this.#topics) {
      for (const user of users.keys()) {
        yield [topic, user];
      }
    }
  }

  #arm(): void {
    const [first] = this.#absent.values();
    if (this.#stopWaiting === undefined && first !== undefined) {
      const wait = Math.max(0, first.until - this.now());
      this.#stopWaiting = this.#scope.runInAsyncScope(() =>
        this.timers.later(() => this.#expire(), wait),
      );
    }
  }

  #expire(): void {
    this.#stopWaiting = undefined;
    const now = this.now();
    for (const [key, { topic, user, until }] of this.#absent) {
      if (until > now) {
        break;
      }
      this.#absent.delete(key);
      const users = this.#topics.get(topic)!;
      users.delete(user);
      if (users.size === 0) {
        this.#topics.delete(topic);
      }
      this.#roster.remove(topic, user);
      this.#sync?.changed(topic, user, false);
    }
    this.#arm();
  }

  /**
   * Told in a turn of its own, in order: who listens must not run inside a client's request,
   * and may end streams.
   */
  #tell(change: PresenceChange): void {
    if (!this.#changes.has(change.topic)) {
      return;
    }
    this.#untold.push(change);
    if (this.#untold.length === 1) {
      this.#scope.runInAsyncScope(() => this.timers.soon(() => this.#flush()));
    }
  }

  #flush(): void {
    const untold = this.#untold;
    this.#untold = [];
    for (const change of untold) {
      this.#changes.get(change.topic)?.next(change);
    }
  }
}

/** A topic has no space, so a key is unambiguous. */
function keyOf(topic: string, user: string): string {
  return `${topic} ${user}`;
}
