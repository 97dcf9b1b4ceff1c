import { type TopicAuthorizer, TopicPolicy } from 'nestjs-sse-hub';
import type { User } from '../users/user.js';

/**
 * Asked when a stream opens, and again by `hub.refresh()`: an editor who is one
 * no more loses the stream.
 */
@TopicPolicy('newsroom.**')
export class NewsroomPolicy implements TopicAuthorizer<User> {
  canSubscribe(user: User): boolean {
    return user.roles.includes('editor');
  }
}
