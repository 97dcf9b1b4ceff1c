import { Injectable, Logger } from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';
import { Sessions } from './sessions.js';

/** Ends everything that a user has open, in every tab and on every device. */
@Injectable()
export class SignOut {
  private readonly logger = new Logger(SignOut.name);

  constructor(
    private readonly sessions: Sessions,
    private readonly hub: EventHub,
  ) {}

  /** @param reason what the streams say before they end */
  async everywhere(userId: string, reason: string): Promise<void> {
    // The sessions first: a page that comes back at once finds none.
    this.sessions.endAll(userId);
    try {
      await this.hub.disconnect({ user: userId }, reason);
    } catch (error) {
      // The user is signed out. `revalidate` finds the streams, within a minute.
      const { message } = error as Error;
      this.logger.error(`Streams of ${userId} may be open: ${message}`);
    }
  }
}
