import {
  BadRequestException,
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  type MessageEvent,
  Param,
  ParseEnumPipe,
  ParseIntPipe,
  Patch,
  Post,
  Query,
} from '@nestjs/common';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { type Observable, filter, merge } from 'rxjs';
import { IdempotencyKey } from './idempotency-key.decorator.js';
import { AddMovieDto, ChangeMovieDto } from './movie.dto.js';
import { GENRES, type Genre, type MovieEvents } from './movie.js';
import { MoviesService } from './movies.service.js';
import { Watchers } from './watchers.js';

const genrePipe = new ParseEnumPipe(GENRES, {
  optional: true,
  exceptionFactory: () =>
    new BadRequestException(`genre must be one of: ${GENRES.join(', ')}`),
});

@Controller()
export class MoviesController {
  constructor(
    private readonly hub: EventHub<{ movies: MovieEvents }>,
    private readonly movies: MoviesService,
    private readonly watchers: Watchers,
  ) {}

  /** `where` lets the hub drop events: the way to filter a busy topic. */
  @Sse('events')
  events(
    @Connection() connection: SseConnection,
    @Query('genre', genrePipe) genre?: Genre,
  ): Observable<MessageEvent> {
    const movies = this.hub.stream({
      topics: ['movies'],
      where: ({ data }) => concerns(data, genre),
      for: connection,
    });
    return merge(movies, this.watchers.watch());
  }

  /** The same with an RxJS operator: anything that keeps the order may follow. */
  @Sse('events/filtered')
  filtered(
    @Connection() connection: SseConnection,
    @Query('genre', genrePipe) genre?: Genre,
  ): Observable<MessageEvent> {
    return this.hub
      .stream({ topics: ['movies'], for: connection })
      .pipe(filter(({ data }) => concerns(data, genre)));
  }

  /** The list, and the cursor from which `GET /events` tells what came after. */
  @Get('movies')
  find(@Query('genre', genrePipe) genre?: Genre) {
    return this.hub.snapshot(() => this.movies.find(genre));
  }

  @Post('movie')
  add(@Body() movie: AddMovieDto, @IdempotencyKey() idempotencyKey?: string) {
    return this.movies.add(movie, idempotencyKey);
  }

  @Patch('movie/:id')
  change(
    @Param('id', ParseIntPipe) id: number,
    @Body() changes: ChangeMovieDto,
  ) {
    return this.movies.change(id, changes);
  }

  @Delete('movie/:id')
  @HttpCode(204)
  remove(@Param('id', ParseIntPipe) id: number) {
    return this.movies.remove(id);
  }
}

// A movie that has left the genre is news to those who watch it, too.
function concerns(
  movie: { genre: Genre; previousGenre?: Genre },
  genre?: Genre,
): boolean {
  return !genre || genre === movie.genre || genre === movie.previousGenre;
}
