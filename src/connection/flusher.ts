import { Batches } from './batches.js';

/** What the flusher writes out. */
export interface Flushable {
  flush(batches: Batches): void;
}

/** Connections written before heartbeats and other requests get their turn. */
const SLICE = 2_048;

/** Flushes each connection that has frames once per turn of the event loop. */
export class Flusher {
  readonly #batches = new Batches();
  #dirty: Flushable[] = [];
  #scheduled = false;

  /** Adds a connection to the next flush. The caller adds it once until it is flushed. */
  add(connection: Flushable): void {
    this.#dirty.push(connection);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#run(this.#dirty, 0));
    }
  }

  #run(connections: Flushable[], from: number): void {
    if (from === 0) {
      this.#dirty = [];
    }
    const to = Math.min(from + SLICE, connections.length);
    for (let i = from; i < to; i++) {
      connections[i]!.flush(this.#batches);
    }
    this.#batches.clear();
    if (to < connections.length) {
      setImmediate(() => this.#run(connections, to));
    } else if (this.#dirty.length > 0) {
      setImmediate(() => this.#run(this.#dirty, 0));
    } else {
      this.#scheduled = false;
    }
  }
}
