// This package, used as its README shows.
import {
  Body,
  Controller,
  HttpCode,
  Module,
  Param,
  Post,
  Query,
} from '@nestjs/common';
import {
  Connection,
  EventHub,
  Sse,
  SseModule,
  topic,
  type HubEvent,
  type SseConnection,
} from 'nestjs-sse-hub';
import { filter, type Observable } from 'rxjs';
import { MOVIE_ADDED, movies, type Movie } from './movie.js';
import { listenOnPlatform } from './nest-platform.js';
import { answerFor } from './serve.js';

@Controller()
class MoviesController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection): Observable<HubEvent> {
    return this.hub
      .stream({ topics: ['movies'], for: connection })
      .pipe(filter((event: HubEvent<any>) => event.data.genre !== 'none'));
  }

  @Post('publish')
  @HttpCode(204)
  async publish(
    @Body() movie: Movie,
    @Query('count') count = '1',
  ): Promise<void> {
    await Promise.all(
      movies(movie, Number(count)).map((data) =>
        this.hub.publish('movies', { type: MOVIE_ADDED, data }),
      ),
    );
  }
}

@Controller('users/:id')
class UsersController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(
    @Connection() connection: SseConnection,
    @Param('id') id: string,
  ): Observable<HubEvent> {
    return this.hub.stream({ topics: [topic('users', id)], for: connection });
  }

  @Post('publish')
  @HttpCode(204)
  async publish(@Param('id') id: string, @Body() data: Movie): Promise<void> {
    await this.hub.publish(topic('users', id), { type: MOVIE_ADDED, data });
  }
}

@Module({
  imports: [SseModule.forRoot()],
  controllers: [MoviesController, UsersController],
})
class AppModule {}

answerFor(await listenOnPlatform(AppModule));
