import { Injectable, Logger, type MessageEvent } from '@nestjs/common';
import {
  EventHub,
  OnSseConnect,
  OnSseDisconnect,
  type SseConnection,
} from 'nestjs-sse-hub';
import { type Observable, auditTime, defer, map, share, startWith } from 'rxjs';
import type { User } from '../users/user.js';
import { CHAT } from './chat-message.js';
import type { Present } from './present.js';

const SHOWN = 50;

/** Knows who comes and goes, on all nodes that share the log. */
@Injectable()
export class Room {
  private readonly logger = new Logger(Room.name);

  // However many come at once, and however many listen: five of these a second at most.
  private readonly changes = defer(() => this.hub.presence$(CHAT)).pipe(
    auditTime(200),
    share(),
  );

  constructor(private readonly hub: EventHub) {}

  /** Who is here, now and whenever that changes. It is nobody's history, so it has no id. */
  watch(you: string): Observable<MessageEvent> {
    return this.changes.pipe(
      startWith(undefined),
      map(() => ({ type: 'present', data: this.read(you) })),
    );
  }

  private read(you: string): Present {
    const { count, users } = this.hub.presence(CHAT);
    return { you, users: users.slice(0, SHOWN), count };
  }

  @OnSseConnect()
  connected({ id, user }: SseConnection<User>): void {
    this.logger.log(`${user.id} has connected (${id})`);
  }

  @OnSseDisconnect()
  disconnected({ id, user }: SseConnection<User>, reason: string): void {
    this.logger.log(`${user.id} has disconnected: ${reason} (${id})`);
  }
}
