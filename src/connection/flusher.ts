import { Batches } from './batches.js';

/** What the flusher writes out. */
export interface Flushable {
  /** @param now as `Connections` counts it, for all that are written in a row */
  flush(batches: Batches, now: number): void;
}

/** Connections written before heartbeats and other requests get their turn. */
const SLICE = 2_048;

/** Flushes each connection that has frames once per turn of the event loop. */
export class Flusher {
  readonly #batches = new Batches();
  #dirty: Flushable[] = [];
  #scheduled = false;

  constructor(private readonly now: () => number) {}

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
    // Once for many: a look at the clock is a part of what a write costs.
    const now = this.now();
    for (let i = from; i < to; i++) {
      connections[i]!.flush(this.#batches, now);
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
