const NONE: ReadonlySet<never> = new Set<never>();

/** Finds the connections of a user. One without a user costs nothing. */
export class ConnectionsByUser<Connection> {
  readonly #byUser = new Map<string, Set<Connection>>();

  /** @param userId as `Listener.userId` has it */
  add(userId: string | undefined, connection: Connection): void {
    if (userId === undefined) {
      return;
    }
    const connections = this.#byUser.get(userId);
    if (connections === undefined) {
      this.#byUser.set(userId, new Set([connection]));
    } else {
      connections.add(connection);
    }
  }

  delete(userId: string | undefined, connection: Connection): void {
    if (userId === undefined) {
      return;
    }
    const connections = this.#byUser.get(userId);
    if (connections?.delete(connection) && connections.size === 0) {
      this.#byUser.delete(userId);
    }
  }

  /** In the order in which they were added. */
  of(userId: string): ReadonlySet<Connection> {
    return this.#byUser.get(userId) ?? NONE;
  }

  /** Users who have a connection. */
  get size(): number {
    return this.#byUser.size;
  }
}
