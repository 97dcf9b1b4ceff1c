// This package over the log that the second argument names.
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Module,
  Post,
  Query,
} from '@nestjs/common';
import {
  Connection,
  EventHub,
  MemoryLog,
  Sse,
  SseModule,
  type EventLog,
  type HubEvent,
  type SseConnection,
} from 'nestjs-sse-hub';
import { RedisLog } from 'nestjs-sse-hub/redis';
import { SqliteLog } from 'nestjs-sse-hub/sqlite';
import type { Observable } from 'rxjs';
import { CountingLog } from './counting-log.js';
import { MOVIE_ADDED, movies, type Movie } from './movie.js';
import { listenOnPlatform } from './nest-platform.js';
import { answerFor } from './serve.js';

const log = new CountingLog(logAt(process.argv[3]));

/** How many publishes of a large batch are under way at a time. */
const AT_ONCE = 256;

@Controller()
class MoviesController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection): Observable<HubEvent> {
    return this.hub.stream({ topics: ['movies'], for: connection });
  }

  /** @returns the cursors of the last movies, oldest first */
  @Post('publish')
  @HttpCode(200)
  async publish(
    @Body() movie: Movie,
    @Query('count') count = '1',
    @Query('cursors') cursors = '0',
  ): Promise<string[]> {
    const published: string[] = [];
    const left = movies(movie, Number(count)).entries();
    const publishAll = async (): Promise<void> => {
      for (const [index, data] of left) {
        const { id } = await this.hub.publish('movies', {
          type: MOVIE_ADDED,
          data,
        });
        published[index] = id!;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, publishAll));
    return published.slice(published.length - Number(cursors));
  }

  /** The cursor up to which this server has handed on everything. */
  @Get('head')
  async head(): Promise<string[]> {
    return [await this.hub.head()];
  }

  /** How often anything was read of the log. */
  @Get('reads')
  reads(): number {
    return log.reads;
  }
}

@Module({
  imports: [SseModule.forRoot({ log })],
  controllers: [MoviesController],
})
class AppModule {}

answerFor(await listenOnPlatform(AppModule));

function logAt(address: string): EventLog {
  const [scheme, file] = address.split(':');
  switch (scheme) {
    case 'sqlite-full':
      return new SqliteLog({ file, synchronous: 'full' });
    case 'sqlite-normal':
      return new SqliteLog({ file, synchronous: 'normal' });
    case 'redis':
      return new RedisLog({ url: address });
    default:
      return new MemoryLog();
  }
}
