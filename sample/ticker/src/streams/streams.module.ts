import { Module } from '@nestjs/common';
import { SseModule } from 'nestjs-sse-hub';
import { ClockController } from './clock.controller.js';
import { Counter } from './counter.js';
import { UpdatesController } from './updates.controller.js';

@Module({
  imports: [SseModule.forRoot()],
  providers: [Counter],
  controllers: [ClockController, UpdatesController],
})
export class StreamsModule {}
