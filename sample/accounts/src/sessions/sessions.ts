import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';

interface Session {
  userId: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/**
 * The sessions that somebody is signed in to. A token is good only as long as
 * its session is here, which is what makes signing out work for a token that
 * was copied. In memory: a restart signs everybody out.
 */
@Injectable()
export class Sessions {
  private readonly live = new Map<string, Session>();

  /**
   * @param lifetime in milliseconds
   * @returns the id of the new session
   */
  begin(userId: string, lifetime: number): string {
    this.forgetExpired();
    const id = randomUUID();
    this.live.set(id, { userId, expiresAt: Date.now() + lifetime });
    return id;
  }

  isLive(id: string): boolean {
    return this.live.has(id);
  }

  /** Whether a user is signed in anywhere. */
  hasAny(userId: string): boolean {
    return [...this.live.values()].some((session) => session.userId === userId);
  }

  /** Ends all sessions of a user, on whatever device. */
  endAll(userId: string): void {
    for (const [id, session] of this.live) {
      if (session.userId === userId) {
        this.live.delete(id);
      }
    }
  }

  private forgetExpired(): void {
    for (const [id, { expiresAt }] of this.live) {
      if (expiresAt <= Date.now()) {
        this.live.delete(id);
      }
    }
  }
}
