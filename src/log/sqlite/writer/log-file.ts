import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { FileFailure } from './failure.ts';
import { FileLock, currentBoot } from './file-lock.ts';
import type {
  AppendResult,
  EntryRow,
  HistoryState,
  OpenedHistory,
  StoredRow,
  WriterSettings,
} from './messages.ts';
import { PlacedFiles } from './placed-files.ts';
import { Retention, stateOf } from './retention.ts';
import type { Tally } from './retention.ts';
import { openDatabase } from './schema.ts';

/** The log's file, open for the one who writes it. */
export class LogFile {
  readonly opened: OpenedHistory;
  readonly #database: DatabaseSync;
  readonly #lock: FileLock;
  readonly #places: PlacedFiles;
  readonly #retention: Retention;
  readonly #insert: StatementSync;
  readonly #find: StatementSync;
  readonly #save: StatementSync;
  /** Where a power cut can take entries that were acknowledged. */
  readonly #boot: string | null;
  #tally: Tally;

  /** @throws FileFailure, or an error of SQLite */
  static async open(settings: WriterSettings): Promise<LogFile> {
    const file = resolve(settings.file);
    const lock = await FileLock.take(`${file}-lock`, settings.lockTimeout);
    try {
      return new LogFile(file, lock, settings);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  constructor(file: string, lock: FileLock, settings: WriterSettings) {
    const { synchronous, known, check } = settings;
    this.#lock = lock;
    this.#boot = synchronous === 'normal' ? currentBoot() : null;
    const database = openDatabase(file, synchronous, newEpoch(), check);
    this.#database = database;
    try {
      this.#retention = new Retention(database, settings);
      this.#insert = database.prepare(
        `INSERT INTO entries (time, bytes, topic, type, audience, key, data)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      );
      this.#find = database.prepare('SELECT * FROM entries WHERE key = ?');
      this.#save = database.prepare(
        'UPDATE meta SET floor = ?, events = ?, bytes = ?',
      );
      this.#tally = this.#count();
      this.opened = this.#begin(file, known);
      this.#places = new PlacedFiles([file, `${file}-wal`, lock.path]);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /**
   * @param now what is then too old is to go
   * @throws FileFailure, or an error of SQLite; then nothing was appended, or it was and nobody was told
   */
  append(rows: readonly EntryRow[], now: number): AppendResult {
    const earlier: StoredRow[] = [];
    const positions: number[] = [];
    const state = this.#change(now, (tally) => {
      const { head } = tally;
      for (const row of rows) {
        const same = this.#entryWith(row.key);
        if (same !== undefined && same.position <= head) {
          earlier.push(same);
        }
        positions.push(same?.position ?? this.#add(row, tally));
      }
    });
    if (rows.some(({ time }) => time > now)) {
      this.#retention.noteAhead(this.#tally, now);
    }
    return { positions, earlier, state };
  }

  /** Drops a slice of what is to go. */
  trim(now: number): HistoryState {
    if (!this.#retention.isOverfull(this.#tally, now)) {
      return stateOf(this.#tally, false);
    }
    return this.#change(now, () => undefined);
  }

  close(): void {
    this.#database.close();
    // Closed like this, everything is on the disk.
    this.#remember(null);
    this.#lock.release();
  }

  #count(): Tally {
    const row = this.#database
      .prepare(
        `SELECT floor, events, bytes,
                (SELECT seq FROM sqlite_sequence WHERE name = 'entries') AS head
         FROM meta`,
      )
      .get() as unknown as Omit<Tally, 'head'> & { head: number | null };
    const tally = { ...row, head: row.head ?? row.floor, oldest: null };
    this.#retention.findOldest(tally);
    return tally;
  }

  /** Writes, so that whether the file can be written is known before anybody depends on it. */
  #begin(file: string, known: WriterSettings['known']): OpenedHistory {
    const { epoch: formerEpoch } = this.#database
      .prepare('SELECT epoch FROM meta')
      .get() as { epoch: string };
    const goesOn = this.#goesOn(formerEpoch, known);
    const epoch = goesOn ? formerEpoch : newEpoch();
    this.#database.exec('BEGIN IMMEDIATE');
    this.#database.prepare('UPDATE meta SET epoch = ?').run(epoch);
    this.#database.exec('COMMIT');
    const seen = { epoch, position: this.#tally.head, boot: this.#boot };
    this.#lock.remember(seen);
    const overfull = this.#retention.isOverfull(this.#tally, Date.now());
    const state = stateOf(this.#tally, overfull);
    return { file, epoch, formerEpoch, state };
  }

  /**
   * Whether the file has all that was given out under its epoch. If not (an older copy of it was put in its
   * place, or a power cut took the newest entries), positions would be used again, and who has seen
   * them would miss silently what they then stand for.
   */
  #goesOn(epoch: string, known: WriterSettings['known']): boolean {
    const { head } = this.#tally;
    if (known?.epoch === epoch) {
      return known.head <= head;
    }
    const seen = this.#lock.recall();
    if (seen === undefined) {
      // A file that has come without its lock may be a copy.
      return head === 0;
    }
    return (
      seen.epoch === epoch &&
      seen.position <= head &&
      (seen.boot === null || seen.boot === currentBoot())
    );
  }

  #entryWith(key: string | null): StoredRow | undefined {
    return key === null
      ? undefined
      : (this.#find.get(key) as StoredRow | undefined);
  }

  #add(row: EntryRow, tally: Tally): number {
    const { time, bytes, topic, type, audience, key, data } = row;
    const { lastInsertRowid } = this.#insert.run(
      time,
      bytes,
      topic,
      type,
      audience,
      key,
      data,
    );
    const position = Number(lastInsertRowid);
    if (position !== tally.head + 1) {
      throw new FileFailure(
        'moved',
        'another program has written to the file',
        'Let nothing but the application write to it.',
      );
    }
    tally.head = position;
    tally.events++;
    tally.bytes += bytes;
    tally.oldest ??= time;
    return position;
  }

  #change(now: number, change: (tally: Tally) => void): HistoryState {
    const tally = { ...this.#tally };
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      // Before, as the key of what has expired is free again; and after, for what has become too much.
      this.#retention.trim(tally, now);
      change(tally);
      this.#retention.trim(tally, now);
      this.#save.run(tally.floor, tally.events, tally.bytes);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      throw error;
    }
    this.#tally = tally;
    this.#remember(this.#boot);
    this.#places.verify();
    return stateOf(tally, this.#retention.isOverfull(tally, now));
  }

  #remember(boot: string | null): void {
    const { epoch } = this.opened;
    this.#lock.remember({ epoch, position: this.#tally.head, boot });
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK');
    } catch {
      // SQLite has done it, as it does when the disk is full.
    }
  }
}

/** Without symbolic links, so that two names of one file have one lock. */
function resolve(file: string): string {
  const folder = dirname(file);
  if (!existsSync(folder)) {
    throw new FileFailure(
      'cannot-open',
      'its folder does not exist',
      'Make the folder, or name a file in another one.',
    );
  }
  return existsSync(file)
    ? realpathSync(file)
    : join(realpathSync(folder), basename(file));
}

function newEpoch(): string {
  return `s${Date.now().toString(36)}${randomBytes(3).toString('hex')}`;
}
