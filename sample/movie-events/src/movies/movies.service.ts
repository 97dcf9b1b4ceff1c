import {
  Injectable,
  NotFoundException,
  UnprocessableEntityException,
} from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';
import type { Genre, Movie, MovieDraft, MovieEvents } from './movie.js';
import { MoviesRepository } from './movies.repository.js';

@Injectable()
export class MoviesService {
  constructor(
    private readonly movies: MoviesRepository,
    private readonly hub: EventHub<{ movies: MovieEvents }>,
  ) {}

  find(genre?: Genre): Movie[] {
    return this.movies.find(genre);
  }

  findOne(id: number): Movie {
    const movie = this.movies.findOne(id);
    if (!movie) {
      throw new NotFoundException(`There is no movie ${id}`);
    }
    return movie;
  }

  async add(draft: MovieDraft, idempotencyKey?: string): Promise<Movie> {
    const answer = this.movies.add(draft, idempotencyKey);
    if (!isSame(answer, draft)) {
      throw new UnprocessableEntityException(
        'This Idempotency-Key was used for another movie',
      );
    }
    // A retry publishes, too: the first try may have ended between storing and
    // publishing. What it publishes is the movie as it is by now, if it still is.
    const movie = this.movies.findOne(answer.id);
    if (movie) {
      await this.hub.publish('movies', {
        type: 'movie.added',
        data: movie,
        idempotencyKey,
      });
    }
    return answer;
  }

  async change(id: number, changes: Partial<MovieDraft>): Promise<Movie> {
    const before = this.findOne(id);
    const movie = { ...before, ...changes };
    this.movies.save(movie);
    await this.hub.publish('movies', {
      type: 'movie.changed',
      data: { ...movie, previousGenre: before.genre },
    });
    return movie;
  }

  async remove(id: number): Promise<void> {
    const movie = this.findOne(id);
    this.movies.remove(id);
    await this.hub.publish('movies', { type: 'movie.removed', data: movie });
  }
}

function isSame(movie: MovieDraft, draft: MovieDraft): boolean {
  return (
    movie.title === draft.title &&
    movie.year === draft.year &&
    movie.genre === draft.genre
  );
}
