import { Injectable } from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';
import type { AppEvents } from '../app-events.js';
import type { User } from '../users/user.js';

/** Tells the admins what happens. What the log retains is all that is kept. */
@Injectable()
export class ActivityLog {
  constructor(private readonly hub: EventHub<AppEvents>) {}

  async add({ id }: User, did: string): Promise<void> {
    await this.hub.publish('admin', {
      type: 'activity',
      data: { by: id, did, at: new Date().toISOString() },
    });
  }
}
