import { randomUUID } from 'node:crypto';
import { Injectable, UnprocessableEntityException } from '@nestjs/common';
import { EventHub, type SseConnection } from 'nestjs-sse-hub';
import type { User } from '../users/user.js';
import { ChatMessage } from './chat-message.js';
import type { Message } from './message.js';
import type { PostMessageDto } from './post-message.dto.js';

/** How many messages a page begins with. */
const HISTORY = 100;

@Injectable()
export class ChatService {
  constructor(private readonly hub: EventHub) {}

  /**
   * Stores a message and tells everybody else: to publish is both, because the log keeps what is
   * published. A message that is sent again with its id is there once.
   */
  async say(user: User, said: PostMessageDto): Promise<Message> {
    const { message } = said;
    const id = said.id ?? randomUUID();
    const { data } = await this.hub.publish(
      new ChatMessage({ user_id: user.id, message, id }),
      { idempotencyKey: `${user.id}/${id}` },
    );
    if (data.message !== message) {
      throw new UnprocessableEntityException(
        'This id was used for another message',
      );
    }
    return data;
  }

  /** The last messages, and the cursor from which `listen` goes on. */
  async history(connection: SseConnection<User>) {
    const { events, cursor } = await this.hub.history({
      events: [ChatMessage],
      rewind: HISTORY,
      for: connection,
    });
    return { messages: events.map(({ data }) => data), cursor };
  }

  /**
   * What the others say. That the sender is not told, on whatever connection and whatever node,
   * needs no option of the hub: a message says whose it is. `where` is asked by the hub, so that what
   * it drops still moves the client's cursor.
   *
   * @param after where a client without a cursor of its own begins
   */
  listen(connection: SseConnection<User>, after?: string) {
    return this.hub.stream({
      events: [ChatMessage],
      where: ({ data }) => data.user_id !== connection.user.id,
      after,
      for: connection,
    });
  }
}
