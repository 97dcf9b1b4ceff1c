import { Module } from '@nestjs/common';
import { SseModule } from 'nestjs-sse-hub';
import { ChatModule } from './chat/chat.module.js';
import { eventLogFor } from './event-log.js';

@Module({
  imports: [
    SseModule.forRoot({ log: eventLogFor(process.env.LOG) }),
    ChatModule,
  ],
})
export class AppModule {}
