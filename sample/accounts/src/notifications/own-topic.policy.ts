import { type TopicAuthorizer, TopicPolicy, topic } from 'nestjs-sse-hub';
import type { User } from '../users/user.js';

/** A user's topic is for that user, whatever a handler asks for. */
@TopicPolicy('users.*')
export class OwnTopicPolicy implements TopicAuthorizer<User> {
  canSubscribe(user: User, requested: string): boolean {
    return requested === topic('users', user.id);
  }
}
