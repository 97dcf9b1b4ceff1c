import { SseEvent } from 'nestjs-sse-hub';
import type { Message } from './message.js';

export const CHAT = 'chat';

/** That something was said. Events of the type `message` are what `onmessage` gets. */
@SseEvent('message', { topic: CHAT })
export class ChatMessage implements Message {
  static readonly type = 'message';

  readonly user_id: string;
  readonly message: string;
  readonly id: string;
  readonly at: string;

  constructor({ user_id, message, id }: Omit<Message, 'at'>) {
    this.user_id = user_id;
    this.message = message;
    this.id = id;
    this.at = new Date().toISOString();
  }
}
