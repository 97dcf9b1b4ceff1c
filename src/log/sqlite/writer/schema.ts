import { DatabaseSync } from 'node:sqlite';
import { FileFailure } from './failure.ts';

/** Says in the file's header whose it is: "sseh". */
const APPLICATION_ID = 0x73736568;

/** The version of the tables below. */
const VERSION = 1;

const TABLES = `
  CREATE TABLE entries (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    time NUMERIC NOT NULL,
    bytes INTEGER NOT NULL,
    topic TEXT NOT NULL,
    type TEXT NOT NULL,
    audience TEXT,
    key TEXT,
    data TEXT NOT NULL
  );
  CREATE UNIQUE INDEX entries_by_key ON entries (key) WHERE key IS NOT NULL;
  CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    floor INTEGER NOT NULL,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  );
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${VERSION};
`;

/** How long a commit waits for another program that writes to the file, in milliseconds. */
const BUSY_TIMEOUT = 2_000;

/** Past this the write-ahead log gives its space back after a checkpoint, in bytes. */
const WAL_LIMIT = 64 * 1024 * 1024;

/**
 * Opens the log's file, and makes its tables in an empty one.
 *
 * @param epoch of a history that begins
 * @param check whether all of the file is looked through
 * @throws FileFailure when it is not a log's, or one of another version
 */
export function openDatabase(
  file: string,
  synchronous: 'full' | 'normal',
  epoch: string,
  check: boolean,
): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}`);
    // Before anything is written: the file may be someone else's.
    const isEmpty = verify(database);
    const { journal_mode: mode } = database
      .prepare('PRAGMA journal_mode = WAL')
      .get() as { journal_mode: string };
    if (mode !== 'wal') {
      throw new FileFailure(
        'cannot-open',
        `the file system cannot hold a write-ahead log (journal_mode is ${mode})`,
        'Put the file on a local disk.',
      );
    }
    database.exec(
      `PRAGMA synchronous = ${synchronous}; PRAGMA journal_size_limit = ${WAL_LIMIT};`,
    );
    if (isEmpty) {
      create(database, epoch);
    }
    if (check) {
      lookThrough(database);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** @returns whether there is nothing in it yet */
function verify(database: DatabaseSync): boolean {
  const { id, version, tables } = database
    .prepare(
      `SELECT (SELECT application_id FROM pragma_application_id) AS id,
              (SELECT user_version FROM pragma_user_version) AS version,
              (SELECT count(*) FROM sqlite_schema) AS tables`,
    )
    .get() as { id: number; version: number; tables: number };
  if (id === 0 && version === 0 && tables === 0) {
    return true;
  }
  if (id !== APPLICATION_ID) {
    throw new FileFailure(
      'not-a-log',
      'the file is a database of another program',
      'Name another file.',
    );
  }
  if (version !== VERSION) {
    throw new FileFailure(
      'other-version',
      `the file has version ${version} of the tables, and this version of nestjs-sse-hub reads version ${VERSION}`,
      'Run the version that wrote it, or move the file and those beside it away: a new history begins, and clients get hub.reset.',
    );
  }
  return false;
}

function create(database: DatabaseSync, epoch: string): void {
  database.exec(`BEGIN IMMEDIATE; ${TABLES}`);
  database.prepare('INSERT INTO meta VALUES (1, ?, 0, 0, 0)').run(epoch);
  database.exec('COMMIT');
}

/** @throws FileFailure when a part of the file is not as it was written */
function lookThrough(database: DatabaseSync): void {
  const found = database.prepare('PRAGMA quick_check(1)').get() as {
    quick_check: string;
  };
  if (found.quick_check !== 'ok') {
    throw Object.assign(new Error(found.quick_check), { errcode: 11 });
  }
}
