import { Frame } from './frame.js';

interface Batch {
  readonly frames: readonly Frame[];
  joined?: Frame;
}

/** Sequences of one flush that are remembered; more differ too much to share. */
const MOST = 8;

/** Finds connections that are about to be sent the same frames, so that they share one buffer. */
export class Batches {
  #recent: Batch[] = [];

  /**
   * The frames as one, if another connection of this flush had the same; else `undefined`.
   * @param frames not changed any more by the caller
   */
  join(frames: readonly Frame[]): Frame | undefined {
    const known = this.#recent.find((batch) => areSame(batch.frames, frames));
    if (known !== undefined) {
      return (known.joined ??= Frame.concat(known.frames));
    }
    if (this.#recent.length === MOST) {
      this.#recent.shift();
    }
    this.#recent.push({ frames });
    return undefined;
  }

  clear(): void {
    this.#recent = [];
  }
}

function areSame(a: readonly Frame[], b: readonly Frame[]): boolean {
  return a.length === b.length && a.every((frame, i) => frame === b[i]);
}
