import type { Cursor } from '../cursor.js';
import type { LogEntry, LogRecord } from '../event-log.js';
import type { Readers } from './committer.js';
import type { SqliteTail } from './sqlite-tail.js';

/** All who tail a log. */
export class Tails implements Readers {
  readonly #tails = new Set<SqliteTail>();

  get areFull(): boolean {
    for (const tail of this.#tails) {
      if (tail.isFull) {
        return true;
      }
    }
    return false;
  }

  add(tail: SqliteTail): void {
    this.#tails.add(tail);
  }

  delete(tail: SqliteTail): void {
    this.#tails.delete(tail);
  }

  take(entries: readonly LogEntry[], floor: Cursor): void {
    for (const tail of this.#tails) {
      tail.push(entries, floor);
    }
  }

  signal(records: readonly LogRecord[]): void {
    for (const tail of this.#tails) {
      tail.signal(records);
    }
  }

  /** What is new in the file they read there. */
  readOn(): void {
    for (const tail of this.#tails) {
      tail.readOn();
    }
  }

  end(): void {
    for (const tail of this.#tails) {
      tail.end();
    }
    this.#tails.clear();
  }
}
