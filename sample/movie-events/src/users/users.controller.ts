import {
  Body,
  Controller,
  HttpCode,
  Param,
  Post,
  UseGuards,
} from '@nestjs/common';
import {
  Connection,
  EventHub,
  Sse,
  SseConnection,
  topic,
} from 'nestjs-sse-hub';
import { MoviesService } from '../movies/movies.service.js';
import { OwnEventsGuard } from './own-events.guard.js';
import { RecommendationDto } from './recommendation.dto.js';
import type { User } from './user.js';
import { UserIdPipe } from './user-id.pipe.js';

@Controller('users/:id')
export class UsersController {
  constructor(
    private readonly hub: EventHub,
    private readonly movies: MoviesService,
  ) {}

  @Sse('events')
  @UseGuards(OwnEventsGuard)
  events(@Connection() connection: SseConnection<User>) {
    return this.hub.stream({
      topics: [topic('users', connection.user.id)],
      for: connection,
    });
  }

  @Post('recommendations')
  @HttpCode(204)
  async recommend(
    @Param('id', UserIdPipe) id: string,
    @Body() { movieId }: RecommendationDto,
  ): Promise<void> {
    await this.hub.publish(topic('users', id), {
      type: 'movie.recommended',
      data: this.movies.findOne(movieId),
    });
  }
}
