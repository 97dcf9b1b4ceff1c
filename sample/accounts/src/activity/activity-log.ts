import { Injectable, Logger } from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';
import type { AppEvents } from '../app-events.js';
import type { User } from '../users/user.js';

/** Tells the admins what happens. What the log retains is all that is kept. */
@Injectable()
export class ActivityLog {
  private readonly logger = new Logger(ActivityLog.name);

  constructor(private readonly hub: EventHub<AppEvents>) {}

  /** What was done is done, so nobody waits for this, and it fails for nobody. */
  add({ id }: User, did: string): void {
    this.hub
      .publish('admin', {
        type: 'activity',
        data: { by: id, did, at: new Date().toISOString() },
      })
      .catch(({ message }: Error) =>
        this.logger.error(`Not told: ${id} ${did}: ${message}`),
      );
  }
}
