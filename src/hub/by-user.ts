/**
 * Finds what belongs to a user, such as connections. What belongs to nobody costs nothing, and a
 * user's only item no set of its own.
 */
export class ByUser<Item extends object> {
  readonly #byUser = new Map<string, Item | Set<Item>>();

  /** @param userId as `Listener.userId` has it */
  add(userId: string | undefined, item: Item): void {
    if (userId === undefined) {
      return;
    }
    const known = this.#byUser.get(userId);
    if (known instanceof Set) {
      known.add(item);
    } else if (known === undefined) {
      this.#byUser.set(userId, item);
    } else {
      this.#byUser.set(userId, new Set([known, item]));
    }
  }

  delete(userId: string | undefined, item: Item): void {
    if (userId === undefined) {
      return;
    }
    const known = this.#byUser.get(userId);
    const isLast =
      known instanceof Set
        ? known.delete(item) && known.size === 0
        : known === item;
    if (isLast) {
      this.#byUser.delete(userId);
    }
  }

  /** In the order in which they were added. */
  of(userId: string): readonly Item[] {
    const known = this.#byUser.get(userId);
    return known instanceof Set
      ? [...known]
      : known === undefined
        ? []
        : [known];
  }

  /** How many a user has. */
  count(userId: string): number {
    const known = this.#byUser.get(userId);
    return known instanceof Set ? known.size : known === undefined ? 0 : 1;
  }

  /** Users who have something. */
  get size(): number {
    return this.#byUser.size;
  }
}
