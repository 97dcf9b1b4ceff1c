/**
 * Finds the connections of a user. One without a user costs nothing, and a user's only one no
 * set of its own.
 */
export class ConnectionsByUser<Connection extends object> {
  readonly #byUser = new Map<string, Connection | Set<Connection>>();

  /** @param userId as `Listener.userId` has it */
  add(userId: string | undefined, connection: Connection): void {
    if (userId === undefined) {
      return;
    }
    const known = this.#byUser.get(userId);
    if (known instanceof Set) {
      known.add(connection);
    } else if (known === undefined) {
      this.#byUser.set(userId, connection);
    } else {
      this.#byUser.set(userId, new Set([known, connection]));
    }
  }

  delete(userId: string | undefined, connection: Connection): void {
    if (userId === undefined) {
      return;
    }
    const known = this.#byUser.get(userId);
    const isLast =
      known instanceof Set
        ? known.delete(connection) && known.size === 0
        : known === connection;
    if (isLast) {
      this.#byUser.delete(userId);
    }
  }

  /** In the order in which they were added. */
  of(userId: string): readonly Connection[] {
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

  /** Users who have a connection. */
  get size(): number {
    return this.#byUser.size;
  }
}
