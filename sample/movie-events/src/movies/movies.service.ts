import {
  Injectable,
  NotFoundException,
  UnprocessableEntityException,
} from '@nestjs/common';
import { type Genre, type Movie, type MovieDraft, isSame } from './movie.js';
import { MoviesRepository } from './movies.repository.js';
import { OutboxService } from './outbox.service.js';

/**
 * A request that has failed with 503 may have stored what it was to store. Whoever
 * tries again tells it, if nobody has yet; see `OutboxService`.
 */
@Injectable()
export class MoviesService {
  constructor(
    private readonly movies: MoviesRepository,
    private readonly outbox: OutboxService,
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
    const movie = this.movies.add(draft, idempotencyKey);
    if (!isSame(movie, draft)) {
      throw new UnprocessableEntityException(
        'This Idempotency-Key was used for another movie',
      );
    }
    await this.outbox.tell();
    return movie;
  }

  async change(id: number, changes: Partial<MovieDraft>): Promise<Movie> {
    const movie = this.movies.change(id, changes);
    await this.outbox.tell();
    if (!movie) {
      throw notFound(id);
    }
    return movie;
  }

  async remove(id: number): Promise<void> {
    const movie = this.movies.remove(id);
    await this.outbox.tell();
    if (!movie) {
      throw notFound(id);
    }
  }
}

function notFound(id: number): NotFoundException {
  return new NotFoundException(`There is no movie ${id}`);
}
