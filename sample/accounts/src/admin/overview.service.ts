import { Injectable, type MessageEvent } from '@nestjs/common';
import { EventHub, OnSseConnect, OnSseDisconnect, topic } from 'nestjs-sse-hub';
import {
  type Observable,
  Subject,
  auditTime,
  defer,
  map,
  merge,
  share,
  startWith,
} from 'rxjs';
import { Users } from '../users/users.js';
import type { ConnectionRow, Overview, PersonRow } from './overview.js';

const SHOWN_CONNECTIONS = 200;

/** Who is here and what is open, told anew whenever it changes. */
@Injectable()
export class OverviewService {
  private readonly changes = new Subject<unknown>();

  // However many connect at once, the admins get ten of these a second at most.
  private readonly overviews = merge(
    this.changes,
    defer(() => this.presenceChanges()),
  ).pipe(
    auditTime(100),
    map(() => this.read()),
    share(),
  );

  constructor(
    private readonly hub: EventHub,
    private readonly users: Users,
  ) {}

  watch(): Observable<MessageEvent> {
    return defer(() => this.overviews.pipe(startWith(this.read()))).pipe(
      map((data) => ({ type: 'overview', data })),
    );
  }

  /** Has it told anew. */
  @OnSseConnect()
  @OnSseDisconnect()
  changed(): void {
    this.changes.next(undefined);
  }

  private read(): Overview {
    const connections = this.hub.connections();
    return {
      people: this.people(),
      connections: connections
        .slice(-SHOWN_CONNECTIONS)
        .toReversed()
        .map(toRow),
      connectionCount: connections.length,
    };
  }

  private people(): PersonRow[] {
    return this.users.all().map((user) => ({
      ...user,
      isPresent: this.hub.presence(topic('users', user.id)).count > 0,
    }));
  }

  private presenceChanges(): Observable<unknown> {
    const topics = this.users.all().map(({ id }) => topic('users', id));
    return merge(...topics.map((own) => this.hub.presence$(own)));
  }
}

// Field by field: the user of a connection holds the id of its session.
function toRow({
  id,
  user,
  openedAt,
  remoteAddress,
  lastEventId,
}: ReturnType<EventHub['connections']>[number]): ConnectionRow {
  return {
    id,
    userId: user.id,
    openedAt: openedAt.toISOString(),
    address: remoteAddress,
    lastEventId,
  };
}
