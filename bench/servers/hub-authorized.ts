// This package with everything on that keeps a stream authorized: a guard, policies, audiences, leases, revalidation.
import {
  Body,
  Controller,
  HttpCode,
  Injectable,
  Module,
  Post,
  Query,
  UseGuards,
} from '@nestjs/common';
import {
  Connection,
  EventHub,
  Sse,
  SseModule,
  TopicPolicy,
  type HubEvent,
  type SseConnection,
  type TopicAuthorizer,
} from 'nestjs-sse-hub';
import { filter, type Observable } from 'rxjs';
import { EveryoneGuard, type User } from './everyone.guard.js';
import { MOVIE_ADDED, movies, type Movie } from './movie.js';
import { listenOnPlatform } from './nest-platform.js';
import { answerFor } from './serve.js';

@TopicPolicy('movies')
@Injectable()
class MoviesPolicy implements TopicAuthorizer<User> {
  canSubscribe(user: User | undefined): boolean {
    return user?.roles.includes('viewer') === true;
  }
}

@Controller()
class MoviesController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  @UseGuards(EveryoneGuard)
  events(@Connection() connection: SseConnection<User>): Observable<HubEvent> {
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
        this.hub.publish('movies', {
          type: MOVIE_ADDED,
          data,
          roles: ['viewer'],
        }),
      ),
    );
  }
}

@Module({
  imports: [
    SseModule.forRoot({
      unlistedTopics: 'deny',
      revalidate: (connection) => connection.user !== undefined,
    }),
  ],
  providers: [MoviesPolicy],
  controllers: [MoviesController],
})
class AppModule {}

answerFor(await listenOnPlatform(AppModule));
