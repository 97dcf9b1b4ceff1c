import type { Cursor } from '../cursor.js';
import type {
  EventLog,
  LogBounds,
  LogCapabilities,
  LogEntry,
  LogHealth,
  LogPage,
  LogPageLimit,
  LogRecord,
  TailBatch,
} from '../event-log.js';
import { Committer } from './committer.js';
import { KeptFile, sentencesOf } from './kept-file.js';
import { nodeSqlite } from './node-sqlite.js';
import type { OpenFile, TailPage } from './open-file.js';
import { resolveSqliteOptions } from './sqlite-log-options.js';
import type {
  ResolvedSqliteOptions,
  SqliteLogOptions,
} from './sqlite-log-options.js';
import { SqliteTail } from './sqlite-tail.js';
import { Tails } from './tails.js';
import { within } from './within.js';

/** What a tail reads from the file at once. */
const TAIL_PAGE = { events: 512, bytes: 256 * 1024 } as const;

/**
 * The durable log of one process: a file of SQLite, through Node's own `node:sqlite`. What was acknowledged is there
 * after the process has ended, however it ended, so clients resume over a restart with the cursor that they have.
 * A second process is refused while the first has the file.
 *
 * Needs Node 22.13 or later.
 *
 * @example
 * ```ts
 * SseModule.forRoot({ log: new SqliteLog({ file: 'data/events.db' }) })
 * ```
 */
export class SqliteLog implements EventLog {
  readonly capabilities: LogCapabilities = { durable: true, shared: false };
  readonly #options: ResolvedSqliteOptions;
  readonly #kept: KeptFile;
  readonly #committer: Committer;
  readonly #tails = new Tails();
  #tidied: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** @throws InvalidOptionException, SqliteMissingException */
  constructor(options: SqliteLogOptions) {
    this.#options = resolveSqliteOptions(options);
    nodeSqlite();
    this.#kept = new KeptFile(this.#options, {
      opened: (file) => this.#begin(file),
      lost: () => this.#committer.rejectAll(),
    });
    this.#committer = new Committer(this.#kept, this.#tails, this.#options);
  }

  /** @throws SqliteFileException */
  async open(): Promise<LogBounds> {
    if (this.#closed !== undefined) {
      throw this.#kept.unavailable();
    }
    const file = await this.#kept.open();
    // After a downtime: nobody is to get what is too old, but for that nobody has to wait long.
    await within(this.#options.timeout, this.#tidied);
    return file.bounds();
  }

  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    return this.#kept.trouble === undefined
      ? this.#committer.append(records)
      : Promise.reject(this.#kept.unavailable());
  }

  signal(records: readonly LogRecord[]): Promise<void> {
    if (this.#closed !== undefined) {
      return Promise.reject(this.#kept.unavailable());
    }
    this.#tails.signal(records);
    return Promise.resolve();
  }

  tail(after: Cursor): AsyncIterable<TailBatch> {
    const tail = new SqliteTail(after, {
      turn: () => this.#turn(),
      read: (cursor) => this.#readForTail(cursor),
      pulled: () => this.#committer.schedule(),
      returned: () => {
        this.#tails.delete(tail);
        this.#committer.schedule();
      },
    });
    if (this.#closed !== undefined) {
      tail.end();
    } else {
      this.#tails.add(tail);
    }
    return tail;
  }

  read(after: Cursor, limit: LogPageLimit): Promise<LogPage> {
    return this.#readInTurn((file) => file.after(after, limit));
  }

  readBack(through: Cursor, limit: LogPageLimit): Promise<LogPage> {
    return this.#readInTurn((file) => file.before(through, limit));
  }

  bounds(): Promise<LogBounds> {
    return this.#read((file) => file.bounds());
  }

  health(): LogHealth {
    const { trouble } = this.#kept;
    return trouble === undefined
      ? { status: 'up' }
      : {
          status: 'down',
          reason: `${this.#options.file}: ${sentencesOf(trouble)}`,
        };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closing = this.#kept.close();
    this.#committer.stop();
    await closing;
    this.#tails.end();
  }

  /** With a file that was opened: tails read on there. */
  #begin(file: OpenFile): void {
    this.#tidied = this.#committer.begin(file);
    this.#tails.readOn();
  }

  async #readInTurn<Result>(read: (file: OpenFile) => Result): Promise<Result> {
    await this.#turn();
    return this.#read(read);
  }

  async #read<Result>(read: (file: OpenFile) => Result): Promise<Result> {
    const file = this.#kept.current;
    if (file === undefined) {
      throw this.#kept.unavailable();
    }
    try {
      return read(file);
    } catch (error) {
      this.#kept.fail(file, error);
      throw this.#kept.unavailable();
    }
  }

  async #turn(): Promise<void> {
    await this.#kept.current?.turn();
  }

  #readForTail(after: Cursor): TailPage | undefined {
    const file = this.#kept.current;
    try {
      return file?.tailPage(after, TAIL_PAGE);
    } catch (error) {
      this.#kept.fail(file!, error);
      return undefined;
    }
  }
}
