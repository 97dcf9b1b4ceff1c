import { Injectable } from '@nestjs/common';
import { Database } from './database.js';
import { type Genre, type Movie, type MovieDraft, isSame } from './movie.js';
import { OutboxService } from './outbox.service.js';

const KEYS_LIVE_FOR = 24 * 60 * 60 * 1000;

/** What it stores, it stores together with the event that tells it. */
@Injectable()
export class MoviesRepository {
  constructor(
    private readonly database: Database,
    private readonly outbox: OutboxService,
  ) {}

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
    return this.database.transaction(() => {
      const answer = idempotencyKey && this.findAnswer(idempotencyKey);
      if (answer) {
        return answer;
      }
      const movie = this.insert(draft);
      if (idempotencyKey) {
        this.keepAnswer(idempotencyKey, movie);
      }
      this.outbox.add({ type: 'movie.added', data: movie });
      return movie;
    });
  }

  /** @returns the movie as it is then, or `undefined` when there is none */
  change(id: number, changes: Partial<MovieDraft>): Movie | undefined {
    return this.database.transaction(() => {
      const before = this.findOne(id);
      if (!before) {
        return undefined;
      }
      const after = { ...before, ...changes };
      // A retry finds nothing different, and has nothing more to tell.
      if (!isSame(before, after)) {
        this.sql(
          'UPDATE movies SET title = ?, year = ?, genre = ? WHERE id = ?',
        ).run(after.title, after.year, after.genre, id);
        this.outbox.add({
          type: 'movie.changed',
          data: { ...after, previousGenre: before.genre },
        });
      }
      return after;
    });
  }

  /** @returns the movie that was removed, if there was one */
  remove(id: number): Movie | undefined {
    return this.database.transaction(() => {
      const movie = this.findOne(id);
      if (movie) {
        this.sql('DELETE FROM movies WHERE id = ?').run(id);
        this.outbox.add({ type: 'movie.removed', data: movie });
      }
      return movie;
    });
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
    return this.database.sql(source);
  }
}

// The driver adds a field of its own to the rows.
function toMovie(row: unknown): Movie {
  const { id, title, year, genre } = row as Movie;
  return { id, title, year, genre };
}
