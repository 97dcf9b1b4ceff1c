import type { RawResponse } from './raw-response.js';
import { unsentBytes } from './raw-response.js';

/** Since when a client has taken nothing of what waits for it. */
export class StallWatch {
  #unsent = 0;
  #since = 0;

  /** Bytes begin to wait. */
  begin(raw: RawResponse | undefined, now: number): void {
    this.#unsent = unsentBytes(raw);
    this.#since = now;
  }

  /** When the client was last seen to take some, in milliseconds. */
  since(raw: RawResponse | undefined, now: number): number {
    const unsent = unsentBytes(raw);
    if (unsent !== this.#unsent) {
      this.#unsent = unsent;
      this.#since = now;
    }
    return this.#since;
  }
}
