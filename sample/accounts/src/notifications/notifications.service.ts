import { randomUUID } from 'node:crypto';
import {
  Injectable,
  NotFoundException,
  UnprocessableEntityException,
} from '@nestjs/common';
import { EventHub, topic } from 'nestjs-sse-hub';
import type { AppEvents } from '../app-events.js';
import type { User } from '../users/user.js';
import { Users } from '../users/users.js';
import type { Notification } from './notification.js';
import type { SendNotificationDto } from './send-notification.dto.js';

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

  /** A notification that is sent again with its id is there once, and told once. */
  async send(
    from: User,
    to: string,
    { text, id }: SendNotificationDto,
  ): Promise<Notification> {
    if (!this.users.find(to)) {
      throw new NotFoundException(`There is no user ${to}`);
    }
    const notification = this.keep(to, {
      id: `${from.id}/${id ?? randomUUID()}`,
      from: from.name,
      text,
      at: new Date().toISOString(),
    });
    if (notification.text !== text) {
      throw new UnprocessableEntityException(
        'This id was used for another notification',
      );
    }
    await this.hub.publish(topic('users', to), {
      type: 'notification',
      data: notification,
      idempotencyKey: notification.id,
    });
    return notification;
  }

  private keep(to: string, notification: Notification): Notification {
    const earlier = this.kept.get(to) ?? [];
    const kept = earlier.find(({ id }) => id === notification.id);
    if (kept) {
      return kept;
    }
    this.kept.set(to, [...earlier, notification].slice(-KEPT));
    return notification;
  }
}
