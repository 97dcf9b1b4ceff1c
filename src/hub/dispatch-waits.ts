import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import { LogUnavailableException } from '../log/log.exceptions.js';

/** How long a node may take to meet an entry that the log has, in milliseconds. */
const LIMIT = 10_000;

interface Wait {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Who waits until this node has met an entry of the log; nobody else waits for the same one. */
export class DispatchWaits {
  readonly #waits = new Map<Cursor, Wait>();
  /** Histories that the node has left: what is in them is met no more. */
  readonly #left = new Set<string>();

  /** @param limit for how long one waits, in milliseconds */
  constructor(private readonly limit = LIMIT) {}

  /**
   * @param position the newest entry that the node has met
   * @param stopped whether it meets no more
   * @throws LogUnavailableException when it is not met, or not in time
   */
  async add(entry: Cursor, position: Cursor, stopped: boolean): Promise<void> {
    if (entry <= position && epochOf(entry) === epochOf(position)) {
      return;
    }
    if (stopped) {
      throw new LogUnavailableException('The application is shutting down.');
    }
    if (this.#left.has(epochOf(entry))) {
      throw lost();
    }
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waits.set(entry, { resolve, reject });
        timer = setTimeout(() => reject(this.#late()), this.limit);
      });
    } finally {
      clearTimeout(timer);
      this.#waits.delete(entry);
    }
  }

  /** The node has met this entry. */
  resolve(entry: Cursor): void {
    this.#waits.get(entry)?.resolve();
  }

  /**
   * The node goes on behind a gap: it has met what the log has up to there, and nobody meets
   * what is of another history.
   */
  settle(position: Cursor, before: Cursor): void {
    if (epochOf(before) !== epochOf(position)) {
      this.#left.add(epochOf(before));
    }
    for (const [entry, wait] of this.#waits) {
      if (this.#left.has(epochOf(entry))) {
        wait.reject(lost());
      } else if (entry <= position && epochOf(entry) === epochOf(position)) {
        wait.resolve();
      }
    }
  }

  /** Nothing is met any more. */
  rejectAll(message: string): void {
    for (const { reject } of this.#waits.values()) {
      reject(new LogUnavailableException(message));
    }
  }

  #late(): LogUnavailableException {
    return new LogUnavailableException(
      `The log has taken the entry, but has not brought it back to this node for ${this.limit} ms: its engine is away, or this node is far behind. Every node obeys the entry when it meets it.`,
    );
  }
}

function lost(): LogUnavailableException {
  return new LogUnavailableException(
    'The log lost its history before this node has met the entry. Try again.',
  );
}
