// This package, used as its README shows.
import {
  Body,
  Controller,
  HttpCode,
  Module,
  Param,
  Post,
  Query,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
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

interface UserRequest {
  readonly params: { readonly id: string };
  user?: { readonly id: string };
}

/** Takes the path's word for who listens. */
class ParameterUserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<UserRequest>();
    request.user = { id: request.params.id };
    return true;
  }
}

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

/** Every user listens to the same topic. */
@Controller('inbox/:id')
class InboxController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  @UseGuards(ParameterUserGuard)
  events(@Connection() connection: SseConnection): Observable<HubEvent> {
    return this.hub.stream({ topics: ['inbox'], for: connection });
  }

  @Post('publish')
  @HttpCode(204)
  async publish(@Param('id') id: string, @Body() data: Movie): Promise<void> {
    await this.hub.publish('inbox', { type: MOVIE_ADDED, data, users: [id] });
  }
}

@Module({
  imports: [SseModule.forRoot()],
  controllers: [MoviesController, UsersController, InboxController],
})
class AppModule {}

answerFor(await listenOnPlatform(AppModule));
