import type { Cursor } from '../log/cursor.js';

/** Ids that are remembered one by one; of more, only the newest is known. */
const MOST = 256;

/** Shared, because most of the time nothing is withheld. */
const NONE: Cursor[] = [];

/** Events that were handed to a handler and of which nothing was sent yet, oldest first. */
export class Withheld {
  /** Of all that are withheld the oldest ones; none when only newer ones are left. */
  #ids: Cursor[] = NONE;
  #newest: Cursor | undefined;

  /** @param most how many ids are remembered one by one */
  constructor(private readonly most = MOST) {}

  /** The oldest one, as far as it is known. */
  get oldest(): Cursor | undefined {
    return this.#ids[0];
  }

  get isEmpty(): boolean {
    return this.#newest === undefined;
  }

  add(id: Cursor): void {
    const before = this.#newest;
    this.#newest = id;
    if (before === undefined) {
      this.#ids = [id];
    } else if (this.#ids.at(-1) === before && this.#ids.length < this.most) {
      // Not behind one that is not remembered, which would be taken for sent.
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
