import { type TopicAuthorizer, TopicPolicy } from 'nestjs-sse-hub';
import type { User } from '../users/user.js';

@TopicPolicy('admin.**')
export class AdminPolicy implements TopicAuthorizer<User> {
  canSubscribe(user: User): boolean {
    return user.roles.includes('admin');
  }
}
