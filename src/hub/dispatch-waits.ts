import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import { LogUnavailableException } from '../log/log.exceptions.js';

interface Wait {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Who waits until this node has met an entry of the log; nobody else waits for the same one. */
export class DispatchWaits {
  readonly #waits = new Map<Cursor, Wait>();

  /**
   * @param position the newest entry that the node has met
   * @param stopped whether it meets no more
   */
  async add(entry: Cursor, position: Cursor, stopped: boolean): Promise<void> {
    if (entry <= position && epochOf(entry) === epochOf(position)) {
      return;
    }
    if (stopped) {
      throw new LogUnavailableException('The application is shutting down.');
    }
    await new Promise<void>((resolve, reject) => {
      this.#waits.set(entry, { resolve, reject });
    });
  }

  /** The node has met this entry. */
  resolve(entry: Cursor): void {
    this.#waits.get(entry)?.resolve();
    this.#waits.delete(entry);
  }

  /**
   * The node has changed to another history: it has met what that has, and nobody meets
   * what it has not.
   */
  settle(position: Cursor): void {
    for (const [entry, { reject }] of this.#waits) {
      if (epochOf(entry) !== epochOf(position)) {
        this.#waits.delete(entry);
        reject(
          new LogUnavailableException(
            'The log lost its history before this node has met the entry. Try again.',
          ),
        );
      } else if (entry <= position) {
        this.resolve(entry);
      }
    }
  }

  /** Nothing is met any more. */
  rejectAll(message: string): void {
    for (const { reject } of this.#waits.values()) {
      reject(new LogUnavailableException(message));
    }
    this.#waits.clear();
  }
}
