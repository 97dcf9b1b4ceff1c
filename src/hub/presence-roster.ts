import type { PresenceChange, PresenceState } from './presence.js';

/**
 * Who is on which topic, as often as anybody says so: a user is there while at least one does.
 */
export class PresenceRoster {
  /** By topic, the users and how many say that they are there. */
  readonly #topics = new Map<string, Map<string, number>>();

  /** @param onChange told when a user comes to a topic or leaves it */
  constructor(private readonly onChange: (change: PresenceChange) => void) {}

  add(topic: string, user: string): void {
    let users = this.#topics.get(topic);
    if (users === undefined) {
      this.#topics.set(topic, (users = new Map()));
    }
    const count = users.get(user) ?? 0;
    users.set(user, count + 1);
    if (count === 0) {
      this.onChange({ type: 'joined', user, topic });
    }
  }

  /** Takes back one `add`. */
  remove(topic: string, user: string): void {
    const users = this.#topics.get(topic)!;
    const count = users.get(user)! - 1;
    if (count > 0) {
      users.set(user, count);
      return;
    }
    users.delete(user);
    if (users.size === 0) {
      this.#topics.delete(topic);
    }
    this.onChange({ type: 'left', user, topic });
  }

  /** In the order in which they came. */
  of(topic: string): PresenceState {
    const users = [...(this.#topics.get(topic)?.keys() ?? [])];
    return { count: users.length, users };
  }
}
