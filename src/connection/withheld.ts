import type { Cursor } from '../log/cursor.js';

/** Ids that are remembered one by one; of more, only the newest is known. */
const MOST = 256;

/** Shared, because most of the time nothing is withheld. */
const NONE: Cursor[] = [];

/** Events that were handed to a handler and of which nothing was sent yet, oldest first. */
export class Withheld {
  #ids: Cursor[] = NONE;
  #newest: Cursor | undefined;

  /** The oldest one, as far as it is known. */
  get oldest(): Cursor | undefined {
    return this.#ids[0];
  }

  get isEmpty(): boolean {
    return this.#newest === undefined;
  }

  add(id: Cursor): void {
    this.#newest = id;
    if (this.#ids.length === 0) {
      this.#ids = [id];
    } else if (this.#ids.length < MOST) {
      this.#ids.push(id);
    }
  }

  /** The client's cursor has moved: what lies behind it is sent, or dropped for good. */
  sentThrough(cursor: Cursor): void {
    if (this.#newest === undefined) {
      return;
    }
    const rest = this.#ids.findIndex((id) => id > cursor);
    this.#ids = rest < 0 ? NONE : this.#ids.slice(rest);
    if (this.#newest <= cursor) {
      this.#newest = undefined;
    }
  }

  clear(): void {
    this.#ids = NONE;
    this.#newest = undefined;
  }
}
