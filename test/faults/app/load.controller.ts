import {
  Body,
  Controller,
  Get,
  HttpException,
  Inject,
  Post,
  Query,
} from '@nestjs/common';
import {
  Connection,
  EventHub,
  LogUnavailableException,
  Sse,
} from 'nestjs-sse-hub';
import type { HubEvent, SseConnection } from 'nestjs-sse-hub';
import type { Observable } from 'rxjs';
import { TOPICS } from './messages.js';
import type { Publish, PublishAnswer } from './messages.js';

@Controller()
export class LoadController {
  constructor(@Inject(EventHub) private readonly hub: EventHub) {}

  @Sse('events')
  events(
    @Connection() connection: SseConnection,
    @Query('topic') topic?: string,
  ): Observable<HubEvent> {
    return this.hub.stream({
      ...(topic === undefined ? { patterns: ['load.*'] } : { topics: [topic] }),
      for: connection,
    });
  }

  @Post('publish')
  async publish(
    @Body() { event, key, padding }: Publish,
  ): Promise<PublishAnswer> {
    const start = performance.now();
    const took = (): number => Math.round(performance.now() - start);
    try {
      const { id } = await this.hub.publish(TOPICS[event % 2]!, {
        data: { event, padding: 'x'.repeat(padding) },
        ...(key !== undefined && { idempotencyKey: key }),
      });
      return { id: id!, took: took() };
    } catch (error) {
      const status = error instanceof LogUnavailableException ? 503 : 500;
      throw new HttpException({ took: took(), error: String(error) }, status);
    }
  }

  @Get('health')
  health(): unknown {
    return this.hub.health();
  }
}
