import { Module } from '@nestjs/common';
import type {
  DynamicModule,
  MiddlewareConsumer,
  NestModule,
} from '@nestjs/common';
import { SseModule } from 'nestjs-sse-hub';
import { PageMiddleware } from './page.middleware.js';
import { STREAMS_PORT, ConfigController } from './config.controller.js';
import { TalkController } from './talk.controller.js';

@Module({
  imports: [SseModule.forRoot()],
  controllers: [TalkController, ConfigController],
})
export class SiteModule implements NestModule {
  static for(streamsPort: number): DynamicModule {
    return {
      module: SiteModule,
      providers: [{ provide: STREAMS_PORT, useValue: streamsPort }],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(PageMiddleware).exclude('config').forRoutes('{*path}');
  }
}
