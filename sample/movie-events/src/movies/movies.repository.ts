import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import Database from 'libsql';
import type { Genre, Movie, MovieDraft } from './movie.js';

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
`;

const KEYS_LIVE_FOR = 24 * 60 * 60 * 1000;

@Injectable()
export class MoviesRepository implements OnApplicationShutdown {
  private readonly database = openDatabase();

  find(genre?: Genre): Movie[] {
    const rows = genre
      ? this.sql('SELECT * FROM movies WHERE genre = ? ORDER BY id').all(genre)
      : this.sql('SELECT * FROM movies ORDER BY id').all();
    return rows.map(toMovie);
  }

  findOne(id: number): Movie | undefined {
    const row = this.sql('SELECT * FROM movies WHERE id = ?').get(id);
    return row ? toMovie(row) : undefined;
  }

  /** Stores a movie, or answers what the first request with this key stored. */
  add(draft: MovieDraft, idempotencyKey?: string): Movie {
    if (!idempotencyKey) {
      return this.insert(draft);
    }
    // The movie and its key are stored together or not at all.
    return this.database
      .transaction(() => {
        const answer = this.findAnswer(idempotencyKey);
        if (answer) {
          return answer;
        }
        const movie = this.insert(draft);
        this.keepAnswer(idempotencyKey, movie);
        return movie;
      })
      .immediate();
  }

  /** @returns the movie before and after, or `undefined` when there is none */
  change(
    id: number,
    changes: Partial<MovieDraft>,
  ): { before: Movie; after: Movie } | undefined {
    // Nobody writes between the reading and the writing.
    return this.database
      .transaction(() => {
        const before = this.findOne(id);
        if (!before) {
          return undefined;
        }
        const after = { ...before, ...changes };
        this.sql(
          'UPDATE movies SET title = ?, year = ?, genre = ? WHERE id = ?',
        ).run(after.title, after.year, after.genre, id);
        return { before, after };
      })
      .immediate();
  }

  /** @returns the movie that was removed, if there was one */
  remove(id: number): Movie | undefined {
    const row = this.sql('DELETE FROM movies WHERE id = ? RETURNING *').get(id);
    return row ? toMovie(row) : undefined;
  }

  onApplicationShutdown(): void {
    this.database.close();
  }

  private insert({ title, year, genre }: MovieDraft): Movie {
    const { lastInsertRowid } = this.sql(
      'INSERT INTO movies (title, year, genre) VALUES (?, ?, ?)',
    ).run(title, year, genre);
    return { id: Number(lastInsertRowid), title, year, genre };
  }

  private findAnswer(key: string): Movie | undefined {
    const row = this.sql(
      'SELECT answer FROM requests WHERE idempotency_key = ?',
    ).get(key) as { answer: string } | undefined;
    return row && JSON.parse(row.answer);
  }

  private keepAnswer(key: string, movie: Movie): void {
    const now = Date.now();
    this.sql('DELETE FROM requests WHERE made_at < ?').run(now - KEYS_LIVE_FOR);
    this.sql('INSERT INTO requests VALUES (?, ?, ?)').run(
      key,
      JSON.stringify(movie),
      now,
    );
  }

  private sql(source: string) {
    return this.database.prepare(source);
  }
}

function openDatabase() {
  const folder =
    process.env.DATA_DIR ?? join(import.meta.dirname, '../../data');
  mkdirSync(folder, { recursive: true });
  // Another node may be writing to the same file: this one waits for its turn.
  const database = new Database(join(folder, 'movies.db'), { timeout: 5000 });
  database.exec(SCHEMA);
  return database;
}

// The driver adds a field of its own to the rows.
function toMovie(row: unknown): Movie {
  const { id, title, year, genre } = row as Movie;
  return { id, title, year, genre };
}
