// Nest's own @Sse() over a Subject, as its documentation shows it; with the argument `guarded` behind a guard.
import {
  Body,
  Controller,
  HttpCode,
  Module,
  Post,
  Query,
  Sse,
  UseGuards,
} from '@nestjs/common';
import { filter, Subject, type Observable } from 'rxjs';
import { MOVIE_ADDED, movies, type Movie } from './movie.js';
import { EveryoneGuard } from './everyone.guard.js';
import { listenOnPlatform } from './nest-platform.js';
import { answerFor } from './serve.js';

interface MovieEvent {
  id: string;
  type: string;
  data: Movie;
}

@Controller()
@UseGuards(...(process.argv[3] === 'guarded' ? [EveryoneGuard] : []))
class MoviesController {
  private readonly published = new Subject<MovieEvent>();
  private lastId = 0;

  @Sse('events')
  events(): Observable<MovieEvent> {
    return this.published.pipe(filter((event) => event.data.genre !== 'none'));
  }

  @Post('publish')
  @HttpCode(204)
  publish(@Body() movie: Movie, @Query('count') count = '1'): void {
    for (const data of movies(movie, Number(count))) {
      this.published.next({
        id: String(++this.lastId),
        type: MOVIE_ADDED,
        data,
      });
    }
  }
}

@Module({ controllers: [MoviesController] })
class AppModule {}

answerFor(await listenOnPlatform(AppModule));
