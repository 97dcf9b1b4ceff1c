import type { StreamConnection } from './stream-connection.js';

/** The connections that are open on this node. */
export class ConnectionRegistry {
  readonly #open = new Set<StreamConnection>();

  add(connection: StreamConnection): void {
    this.#open.add(connection);
  }

  delete(connection: StreamConnection): void {
    this.#open.delete(connection);
  }

  get size(): number {
    return this.#open.size;
  }

  values(): Iterable<StreamConnection> {
    return this.#open;
  }
}
