import { Body, Controller, Post } from '@nestjs/common';
import {
  Connection,
  EventHub,
  type HubEvent,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import { type Observable, filter } from 'rxjs';

interface Movie {
  title: string;
}

@Controller()
export class MoviesController {
  constructor(private readonly hub: EventHub<{ movies: { added: Movie } }>) {}

  @Sse('events')
  events(@Connection() connection: SseConnection): Observable<HubEvent> {
    return this.hub
      .stream({ topics: ['movies'], for: connection })
      .pipe(filter(({ data }) => data.title !== ''));
  }

  @Post('movie')
  async add(@Body() movie: { title: string }): Promise<void> {
    await this.hub.publish('movies', { type: 'added', data: movie });
  }
}
