import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import { LogUnavailableException } from '../log/log.exceptions.js';

interface Wait {
  readonly entry: Cursor;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Who waits until this node has met an entry of the log. */
export class DispatchWaits {
  #waits: Wait[] = [];

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
      this.#waits.push({ entry, resolve, reject });
    });
  }

  /** The node has met everything up to here. */
  resolveThrough(position: Cursor): void {
    const isMet = ({ entry }: Wait) =>
      entry <= position && epochOf(entry) === epochOf(position);
    const met = this.#waits.filter(isMet);
    this.#waits = this.#waits.filter((wait) => !isMet(wait));
    met.forEach(({ resolve }) => resolve());
  }

  /** The history that these entries belong to is gone. */
  rejectOthers(epoch: string, message: string): void {
    this.#reject(message, ({ entry }) => epochOf(entry) !== epoch);
  }

  /** Nothing is met any more. */
  rejectAll(message: string): void {
    this.#reject(message, () => true);
  }

  #reject(message: string, isLost: (wait: Wait) => boolean): void {
    const lost = this.#waits.filter(isLost);
    this.#waits = this.#waits.filter((wait) => !isLost(wait));
    lost.forEach(({ reject }) => reject(new LogUnavailableException(message)));
  }
}
