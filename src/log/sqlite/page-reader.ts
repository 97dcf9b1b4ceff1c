import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogEntry, LogPageLimit } from '../event-log.js';
import { toStoredEntry } from './entry-row.js';
import { nodeSqlite } from './node-sqlite.js';
import type { StoredRow } from './writer/messages.js';

/** How long a reader waits for one who has locked all of the file, in milliseconds: nobody does for long. */
const BUSY_TIMEOUT = 50;

/** What was in the file at one moment. */
export interface FilePage {
  readonly entries: readonly LogEntry[];
  /** Whether there is more in the direction in which it was read. */
  readonly more: boolean;
  readonly floor: number;
  readonly head: number;
}

/**
 * Reads pages of the file, in the thread of the application: to read one takes no longer than to take it over from
 * another thread would. One a turn, so that many do not keep others waiting.
 */
export class PageReader {
  readonly #database: DatabaseSync;
  readonly #bounds: StatementSync;
  readonly #after: StatementSync;
  readonly #before: StatementSync;
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    file: string,
    private readonly epoch: string,
  ) {
    this.#database = new (nodeSqlite().DatabaseSync)(file, { readOnly: true });
    this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}`);
    this.#bounds = this.#database.prepare(
      `SELECT floor, (SELECT seq FROM sqlite_sequence WHERE name = 'entries') AS head
       FROM meta`,
    );
    this.#after = this.#database.prepare(
      'SELECT * FROM entries WHERE position > ? ORDER BY position LIMIT ?',
    );
    this.#before = this.#database.prepare(
      'SELECT * FROM entries WHERE position <= ? ORDER BY position DESC LIMIT ?',
    );
  }

  /** Resolves when it is the caller's turn to read, in that turn. */
  turn(): Promise<void> {
    this.#turn = this.#turn.then(() => nextTurn());
    return this.#turn;
  }

  bounds(): { readonly floor: number; readonly head: number } {
    const { floor, head } = this.#bounds.get() as {
      floor: number;
      head: number | null;
    };
    return { floor, head: head ?? floor };
  }

  /** Entries after a position, oldest first. */
  after(position: number, limit: LogPageLimit): FilePage {
    return this.#read(this.#after, position, limit);
  }

  /** The newest entries at or before a position, oldest first. */
  before(position: number, limit: LogPageLimit): FilePage {
    const page = this.#read(this.#before, position, limit);
    return { ...page, entries: page.entries.toReversed() };
  }

  /** It may be called twice. */
  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#database.close();
    }
  }

  /** Bounds and entries are of one moment: else a page could miss what was trimmed between both, and not say so. */
  #read(
    statement: StatementSync,
    position: number,
    limit: LogPageLimit,
  ): FilePage {
    this.#database.exec('BEGIN');
    try {
      const bounds = this.bounds();
      const entries: LogEntry[] = [];
      let bytes = 0;
      let more = false;
      for (const row of statement.iterate(position, mostRows(limit))) {
        bytes += row.bytes as number;
        more =
          entries.length > 0 &&
          (entries.length >= limit.events || bytes > limit.bytes);
        if (more) {
          break;
        }
        entries.push(toStoredEntry(row as unknown as StoredRow, this.epoch));
      }
      return { entries, more, ...bounds };
    } finally {
      this.#end();
    }
  }

  #end(): void {
    try {
      this.#database.exec('COMMIT');
    } catch {
      // What failed has ended the transaction; the caller gets to know that.
    }
  }
}

/** One more than fits, which tells whether there is more. Below zero is without limit ("LIMIT" of SQLite's SELECT). */
function mostRows({ events }: LogPageLimit): number {
  return Number.isSafeInteger(events) ? Math.max(events, 1) + 1 : -1;
}
