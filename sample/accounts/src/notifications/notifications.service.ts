import { randomUUID } from 'node:crypto';
import { Injectable, NotFoundException } from '@nestjs/common';
import { EventHub, topic } from 'nestjs-sse-hub';
import type { AppEvents } from '../app-events.js';
import type { User } from '../users/user.js';
import { Users } from '../users/users.js';
import type { Notification } from './notification.js';

const KEPT = 50;

@Injectable()
export class NotificationsService {
  /** By user id, the newest last. */
  private readonly kept = new Map<string, Notification[]>();

  constructor(
    private readonly users: Users,
    private readonly hub: EventHub<AppEvents>,
  ) {}

  /** What a user has got, and the cursor from which the stream continues. */
  of(userId: string) {
    return this.hub.snapshot(() => this.kept.get(userId) ?? []);
  }

  async send(from: User, to: string, text: string): Promise<Notification> {
    if (!this.users.find(to)) {
      throw new NotFoundException(`There is no user ${to}`);
    }
    const notification = {
      id: randomUUID(),
      from: from.name,
      text,
      at: new Date().toISOString(),
    };
    const earlier = this.kept.get(to) ?? [];
    this.kept.set(to, [...earlier, notification].slice(-KEPT));
    await this.hub.publish(topic('users', to), {
      type: 'notification',
      data: notification,
    });
    return notification;
  }
}
