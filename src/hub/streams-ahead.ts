import type { Cursor } from '../log/cursor.js';

/**
 * Streams that continue from a cursor which this node has not met: another node was further. When
 * the node gets there, it sees whether the cursor is a place in the log's history: the
 * newest entries of an engine may be lost when it fails over, and nobody left who knew them.
 */
export class StreamsAhead<Stream> {
  readonly #cursors = new Map<Stream, Cursor>();
  #lowest: Cursor | undefined;

  add(stream: Stream, cursor: Cursor): void {
    this.#cursors.set(stream, cursor);
    if (this.#lowest === undefined || cursor < this.#lowest) {
      this.#lowest = cursor;
    }
  }

  delete(stream: Stream): void {
    this.#cursors.delete(stream);
  }

  /**
   * The node meets a place of the history.
   * @returns those whose cursor it has passed without meeting it
   */
  meet(place: Cursor): readonly Stream[] {
    if (this.#lowest === undefined || place < this.#lowest) {
      return NONE;
    }
    const passed: Stream[] = [];
    this.#lowest = undefined;
    for (const [stream, cursor] of this.#cursors) {
      if (cursor <= place) {
        this.#cursors.delete(stream);
        if (cursor < place) {
          passed.push(stream);
        }
      } else if (this.#lowest === undefined || cursor < this.#lowest) {
        this.#lowest = cursor;
      }
    }
    return passed;
  }

  /** The history is another one. */
  clear(): void {
    this.#cursors.clear();
    this.#lowest = undefined;
  }
}

const NONE: readonly never[] = [];
