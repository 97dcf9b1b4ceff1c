import {
  type MiddlewareConsumer,
  Module,
  type NestModule,
} from '@nestjs/common';
import { ChatController } from './chat.controller.js';
import { ChatService } from './chat.service.js';
import { showPage } from './page.middleware.js';
import { Room } from './room.js';

@Module({
  controllers: [ChatController],
  providers: [ChatService, Room],
})
export class ChatModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(showPage).forRoutes('messages', 'chat');
  }
}
