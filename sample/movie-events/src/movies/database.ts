import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import Connection from 'libsql';

// AUTOINCREMENT: the id of a deleted movie is never given to another one, which
// a page that was away would take for a change of the one it knows.
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS movies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    year INTEGER NOT NULL,
    genre TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS requests (
    idempotency_key TEXT PRIMARY KEY,
    answer TEXT NOT NULL,
    made_at INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL
  );
`;

/** One file, which several nodes may open. */
@Injectable()
export class Database implements OnApplicationShutdown {
  private readonly connection = connect();

  sql(source: string) {
    return this.connection.prepare(source);
  }

  /** All that `work` does is stored or nothing, and nobody else writes meanwhile. */
  transaction<Result>(work: () => Result): Result {
    return this.connection.transaction(work).immediate();
  }

  onApplicationShutdown(): void {
    this.connection.close();
  }
}

function connect() {
  const folder =
    process.env.DATA_DIR ?? join(import.meta.dirname, '../../data');
  mkdirSync(folder, { recursive: true });
  // Another node may be writing to the same file: this one waits for its turn.
  const connection = new Connection(join(folder, 'movies.db'), {
    timeout: 5000,
  });
  connection.exec(SCHEMA);
  return connection;
}
