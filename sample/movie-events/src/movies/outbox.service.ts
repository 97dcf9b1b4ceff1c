import { randomUUID } from 'node:crypto';
import {
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';
import { Subject, exhaustMap, takeUntil, timer } from 'rxjs';
import { Database } from './database.js';
import type { MovieEvent, MovieEvents } from './movie.js';

const LOOK_EVERY = 5_000;

/**
 * The events that are still to be told. They are stored together with what they tell,
 * so that none is lost when the log is away or the process ends before it publishes.
 */
@Injectable()
export class OutboxService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly closed = new Subject<void>();

  constructor(
    private readonly database: Database,
    private readonly hub: EventHub<{ movies: MovieEvents }>,
  ) {}

  /** To be called in the transaction that stores what the event tells. */
  add(event: MovieEvent): void {
    const idempotencyKey = randomUUID();
    this.database
      .sql('INSERT INTO outbox (event) VALUES (?)')
      .run(JSON.stringify({ ...event, idempotencyKey }));
  }

  /**
   * Publishes what is there, one after the other. Others may do so at the same time,
   * also on other nodes: for its key an event is told once, and since everybody begins
   * with the oldest, in the order in which the changes were stored.
   */
  async tell(): Promise<void> {
    const untold = this.database
      .sql('SELECT id, event FROM outbox ORDER BY id')
      .all() as { id: number; event: string }[];
    for (const { id, event } of untold) {
      await this.hub.publish('movies', JSON.parse(event));
      this.database.sql('DELETE FROM outbox WHERE id = ?').run(id);
    }
  }

  /** At the start, and then for requests that nobody has tried again. */
  onApplicationBootstrap(): void {
    timer(0, LOOK_EVERY)
      .pipe(
        // The log may be away; the next time, then.
        exhaustMap(() => this.tell().catch(() => undefined)),
        takeUntil(this.closed),
      )
      .subscribe();
  }

  onModuleDestroy(): void {
    this.closed.next();
  }
}
