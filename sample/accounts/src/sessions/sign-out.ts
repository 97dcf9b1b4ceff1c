import { Injectable } from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';
import { Sessions } from './sessions.js';

/** Ends everything that a user has open, in every tab and on every device. */
@Injectable()
export class SignOut {
  constructor(
    private readonly sessions: Sessions,
    private readonly hub: EventHub,
  ) {}

  /** @param reason what the streams say before they end */
  async everywhere(userId: string, reason: string): Promise<void> {
    // The sessions first: a page that comes back at once finds none.
    this.sessions.endAll(userId);
    await this.hub.disconnect({ user: userId }, reason);
  }
}
