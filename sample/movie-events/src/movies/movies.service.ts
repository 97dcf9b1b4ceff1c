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
      throw notFound(id);
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
      await this.correct(movie);
    }
    return answer;
  }

  async change(id: number, changes: Partial<MovieDraft>): Promise<Movie> {
    const changed = this.movies.change(id, changes);
    if (!changed) {
      throw notFound(id);
    }
    const { before, after } = changed;
    await this.publishChange(after, before.genre);
    await this.correct(after);
    return after;
  }

  async remove(id: number): Promise<void> {
    const movie = this.movies.remove(id);
    if (!movie) {
      throw notFound(id);
    }
    await this.publishRemoval(movie);
  }

  /**
   * Two nodes that change a movie at once may publish in another order than they have
   * stored. Who was overtaken says what is stored, so that this is what every page ends with.
   */
  private async correct(told: Movie): Promise<void> {
    const stored = this.movies.findOne(told.id);
    if (!stored) {
      await this.publishRemoval(told);
    } else if (!isSame(stored, told)) {
      await this.publishChange(stored, told.genre);
      await this.correct(stored);
    }
  }

  private async publishChange(
    movie: Movie,
    previousGenre: Genre,
  ): Promise<void> {
    await this.hub.publish('movies', {
      type: 'movie.changed',
      data: { ...movie, previousGenre },
    });
  }

  private async publishRemoval(movie: Movie): Promise<void> {
    await this.hub.publish('movies', { type: 'movie.removed', data: movie });
  }
}

function notFound(id: number): NotFoundException {
  return new NotFoundException(`There is no movie ${id}`);
}

function isSame(movie: MovieDraft, draft: MovieDraft): boolean {
  return (
    movie.title === draft.title &&
    movie.year === draft.year &&
    movie.genre === draft.genre
  );
}
