import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { FileFailure, isBusy, isDamaged } from './failure.ts';

/** Between two attempts to take a lock that another process has, in milliseconds. */
const RETRY = 50;

/** What was given out of a file, kept beside it. */
export interface Seen {
  readonly epoch: string;
  /** The newest position that was acknowledged. */
  readonly position: number;
  /** The start of the machine before whose end a power cut can take entries; `null`: none can be lost. */
  readonly boot: string | null;
}

/**
 * A small database beside the log's file. Its lock, which the operating system frees when the process is gone
 * however that ended, keeps a second process from the log. Its content outlives what may happen to the
 * log's file: whether that one has gone back in time is seen by comparing both.
 */
export class FileLock {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #write: StatementSync;

  /**
   * @param timeout how long another process may still have it, in milliseconds
   * @throws FileFailure when it is not to be had
   */
  static async take(path: string, timeout: number): Promise<FileLock> {
    const deadline = performance.now() + timeout;
    for (;;) {
      try {
        return new FileLock(path);
      } catch (error) {
        if (!isBusy(error)) {
          throw isDamaged(error) ? damagedLock() : error;
        }
        if (performance.now() >= deadline) {
          throw new FileFailure(
            'in-use',
            `another SqliteLog, of this process or another, has had the file for ${timeout} ms`,
            'A file has one at a time: end the other one, wait longer for it ("lockTimeout"), or give each a file of its own. Nodes that share events need a log with a server, such as RedisLog.',
          );
        }
      }
      await delay(RETRY);
    }
  }

  constructor(path: string) {
    this.path = path;
    this.#database = new DatabaseSync(path);
    try {
      this.#database.exec(
        `BEGIN EXCLUSIVE;
         CREATE TABLE IF NOT EXISTS seen (
           one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL, position INTEGER NOT NULL, boot TEXT
         );
         COMMIT;`,
      );
      // From here on the lock stays until the connection is closed, and one row is overwritten in its place:
      // neither a crash nor a power cut can leave half of it, and it may be older than the truth but never newer.
      this.#database.exec(
        `PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = MEMORY;
         PRAGMA synchronous = OFF;
         BEGIN EXCLUSIVE;
         COMMIT;`,
      );
      this.#write = this.#database.prepare(
        'INSERT OR REPLACE INTO seen VALUES (1, ?, ?, ?)',
      );
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** What was given out of the file, as whoever had the lock last remembered it. */
  recall(): Seen | undefined {
    return this.#database
      .prepare('SELECT epoch, position, boot FROM seen')
      .get() as Seen | undefined;
  }

  remember({ epoch, position, boot }: Seen): void {
    this.#write.run(epoch, position, boot);
  }

  release(): void {
    this.#database.close();
  }
}

function damagedLock(): FileFailure {
  return new FileFailure(
    'damaged',
    'the "-lock" file beside it is damaged',
    'Delete it while no process uses the log. Clients get hub.reset once.',
  );
}

/** Names the time since the machine was started. */
export function currentBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Not Linux: the minute in which it was started.
    return `${Math.round((Date.now() / 1_000 - uptime()) / 60)}`;
  }
}
