import {
  Body,
  Controller,
  HttpCode,
  type MessageEvent,
  Post,
  UseGuards,
} from '@nestjs/common';
import { Connection, Sse, SseConnection } from 'nestjs-sse-hub';
import { type Observable, concat, map, merge, of } from 'rxjs';
import { AnybodyGuard } from '../users/anybody.guard.js';
import { CurrentUser } from '../users/current-user.decorator.js';
import { KnownUserGuard } from '../users/known-user.guard.js';
import type { User } from '../users/user.js';
import { ChatService } from './chat.service.js';
import type { Message } from './message.js';
import { PostMessageDto } from './post-message.dto.js';
import { Room } from './room.js';

@Controller()
export class ChatController {
  constructor(
    private readonly chat: ChatService,
    private readonly room: Room,
  ) {}

  /** The history as one event, an array, then each message as an event. */
  @Sse('messages')
  @UseGuards(AnybodyGuard)
  async messages(
    @Connection() connection: SseConnection<User>,
  ): Promise<Observable<MessageEvent>> {
    const { user, lastEventId } = connection;
    const messages = lastEventId
      ? this.live(connection) // It has the history, and gets what it missed.
      : await this.withHistory(connection);
    return user.isGuest ? merge(messages, this.room.watch(user.id)) : messages;
  }

  /** The messages alone, from now on. */
  @Sse('chat')
  @UseGuards(AnybodyGuard)
  listen(
    @Connection() connection: SseConnection<User>,
  ): Observable<MessageEvent> {
    return this.live(connection);
  }

  @Post('message')
  @HttpCode(200)
  @UseGuards(KnownUserGuard)
  async say(@CurrentUser() user: User, @Body() message: PostMessageDto) {
    return { status: 200, ...(await this.chat.say(user, message)) };
  }

  private async withHistory(connection: SseConnection<User>) {
    const { messages, cursor } = await this.chat.history(connection);
    const { isGuest } = connection.user;
    return concat(
      of({ data: isGuest ? messages : messages.map(asInTheArticle) }),
      this.live(connection, cursor),
    );
  }

  private live(
    connection: SseConnection<User>,
    after?: string,
  ): Observable<MessageEvent> {
    const messages = this.chat.listen(connection, after);
    return connection.user.isGuest
      ? messages
      : messages.pipe(map(({ data }) => ({ data: asInTheArticle(data) })));
  }
}

/** What a client with `?id=` knows of: the two fields that it would get in the article. */
function asInTheArticle({ user_id, message }: Message) {
  return { user_id, message };
}
