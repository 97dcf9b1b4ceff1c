import { Subscriber } from 'rxjs';
import type { Subscription } from 'rxjs';
import type { Cursor } from '../log/cursor.js';
import { epochOf, isCursor } from '../log/cursor.js';
import type {
  CarriedStream,
  Reset,
  ResetReason,
  StreamConnection,
} from './stream-connection.js';
import type { DispatchedStream, Dispatcher } from './dispatcher.js';
import type { HubEvent } from './hub-event.js';
import type { Presence } from './presence.js';
import type { Rewind } from './rewind.js';
import { findRewindCursor } from './rewind.js';
import { AuthorizationTimeoutException } from './hub.exceptions.js';
import type { Selection } from './selection.js';
import type { StreamAuthorizer } from './stream-authorizer.js';

/** What a replay hands on before the event loop and the flusher get their turn. */
const SLICE = { events: 256, bytes: 64 * 1024 } as const;

/**
 * One pass over the log for one connection: replay from the client's cursor out
 * of the window or the log's pages, then live. It joins the Subjects in the same
 * synchronous turn in which the replay reaches the dispatcher's position, so
 * nothing falls between the two. A connection that cannot keep up with live
 * events leaves the Subjects and is served by replay again until it has caught up.
 */
export class EventStream implements CarriedStream, DispatchedStream {
  /** Everything up to here was handed on or dropped. */
  #position: Cursor = '';
  #live: Subscription | undefined;
  #last: HubEvent | undefined;
  #authorized = false;
  #closed = false;
  /** A refresh asks whether it may go on. */
  #suspended = false;
  /** The replay goes on by itself: with a page, the next turn or a writable connection. */
  #waiting = false;
  /** Who is on the topics by this stream. */
  #user: string | undefined;

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly authorizer: StreamAuthorizer,
    private selection: Selection,
    private readonly connection: StreamConnection,
    private readonly subscriber: Subscriber<HubEvent>,
    private readonly rewind: Rewind | undefined,
    private readonly presence: Presence,
  ) {}

  get position(): Cursor {
    const { position } = this.dispatcher;
    return this.#live !== undefined && position > this.#position
      ? position
      : this.#position;
  }

  /**
   * Begins the pass; the connection's head may leave when the start is known.
   *
   * @throws SecondStreamException
   */
  open(): void {
    this.connection.attach(this);
    this.#begin().catch((error: unknown) => this.#failToBegin(error));
  }

  authorize(): void | Promise<void> {
    return this.authorizer.authorize(this.connection, this.selection);
  }

  close(): void {
    this.#closed = true;
    this.#live?.unsubscribe();
    this.dispatcher.unregister(this);
    this.connection.detach(this);
    if (this.#user !== undefined) {
      this.presence.leave(this.selection.topics, this.#user);
      // Closed twice, it leaves once.
      this.#user = undefined;
    }
  }

  get reached(): Cursor {
    return this.#position;
  }

  fallBehind(): boolean {
    if (this.#live === undefined) {
      return false;
    }
    this.#leave();
    this.#replayWhenWritable();
    return true;
  }

  coversTopic(topic: string): boolean {
    return this.selection.coversTopic(topic);
  }

  suspend(): void {
    this.#suspended = true;
    this.#leave();
  }

  resume(): void {
    if (this.#suspended && !this.#closed) {
      this.selection = this.selection.withListener(this.connection.listener);
      this.#suspended = false;
      const hasStarted = this.#position !== '';
      if (hasStarted && !this.#waiting) {
        this.#replay();
      }
    }
  }

  /** Stops receiving live events; the position stays. */
  #leave(): void {
    this.#position = this.position;
    this.#live?.unsubscribe();
    this.#live = undefined;
  }

  historyChanged(position: Cursor): void {
    const lost = this.#position;
    this.#position = position;
    this.connection.reset(position, {
      reason: 'history-changed',
      cursor: lost,
    });
  }

  async #begin(): Promise<void> {
    const asked = this.authorize();
    if (asked !== undefined) {
      await asked;
    }
    if (this.#closed) {
      return;
    }
    this.#authorized = true;
    if (this.dispatcher.position === '') {
      await this.dispatcher.start();
    }
    const from = this.connection.resumeFrom;
    if (from === undefined) {
      const fresh = this.#freshStart();
      this.#startAt(typeof fresh === 'string' ? fresh : await fresh);
      return;
    }
    const reason =
      this.#localVerdict(from) ?? (await this.#engineVerdict(from));
    if (reason === undefined || reason === 'covered') {
      this.#startAt(from);
    } else {
      const cursor = reason === 'malformed' ? null : from;
      this.#startAt(await this.#freshStart(), { reason, cursor });
    }
  }

  /**
   * A refusal is the connection's: a handler's `retry()` would ask for ever, and its
   * `catchError()` hide it. Who could not be answered comes back, and a status other than 200
   * would end a native EventSource for good.
   */
  #failToBegin(error: unknown): void {
    if (this.#closed) {
      return;
    }
    if (this.#authorized) {
      this.subscriber.error(error);
    } else if (error instanceof AuthorizationTimeoutException) {
      this.connection.close('unavailable');
    } else {
      this.connection.refuse(error);
    }
  }

  /** Where a client starts that has no cursor, or none that holds. */
  #freshStart(): Cursor | Promise<Cursor> {
    return this.rewind === undefined
      ? this.dispatcher.position
      : findRewindCursor(this.dispatcher, this.selection, this.rewind);
  }

  /** What this node knows of a cursor without asking the engine. */
  #localVerdict(cursor: string): ResetReason | 'covered' | undefined {
    const { position, epoch, window } = this.dispatcher;
    if (!isCursor(cursor)) {
      return 'malformed';
    }
    if (epochOf(cursor) !== epoch) {
      return 'epoch';
    }
    if (cursor.length !== position.length) {
      return 'malformed';
    }
    return cursor <= position && window.covers(cursor) ? 'covered' : undefined;
  }

  /** A cursor ahead of this node is a floor, and an old one good, unless the bounds disprove it. */
  async #engineVerdict(cursor: Cursor): Promise<ResetReason | undefined> {
    const { epoch, floor, head } = await this.dispatcher.bounds();
    if (epochOf(cursor) !== epoch) {
      return 'epoch';
    }
    return cursor > head ? 'unknown' : cursor < floor ? 'evicted' : undefined;
  }

  #startAt(cursor: Cursor, reset?: Reset): void {
    if (this.#closed) {
      return;
    }
    this.#position = cursor;
    this.dispatcher.register(this);
    this.#user = this.selection.listener.userId;
    if (this.#user !== undefined) {
      this.presence.join(this.selection.topics, this.#user);
    }
    this.connection.start(cursor, reset);
    this.#replay();
  }

  #replayWhenWritable(): void {
    this.#waiting = true;
    this.connection.whenWritable(() => this.#replay());
  }

  #replayNextTurn(): void {
    this.#waiting = true;
    setImmediate(() => this.#replay());
  }

  #replay(): void {
    this.#waiting = false;
    if (this.#closed || this.#suspended || this.#live !== undefined) {
      return;
    }
    const { position, window } = this.dispatcher;
    if (this.connection.congested) {
      this.#replayWhenWritable();
    } else if (this.#position >= position) {
      this.#join();
    } else if (window.covers(this.#position)) {
      this.#handOn(window.after(this.#position, SLICE));
      if (this.#position >= this.dispatcher.position) {
        this.#join();
      } else {
        this.#replayNextTurn();
      }
    } else {
      this.#replayPage().catch((error: unknown) =>
        this.subscriber.error(error),
      );
    }
  }

  async #replayPage(): Promise<void> {
    const from = this.#position;
    this.#waiting = true;
    const { events, floor } = await this.dispatcher.page(from);
    if (this.#closed || this.#suspended || this.#position !== from) {
      return this.#replay();
    }
    const { position } = this.dispatcher;
    if (floor > from) {
      this.#position = position;
      this.connection.reset(position, { reason: 'evicted', cursor: from });
    } else {
      this.#handOn(events.filter((event) => event.id! <= position));
    }
    this.#replayNextTurn();
  }

  #handOn(events: readonly HubEvent[]): void {
    for (const event of events) {
      if (this.#closed) {
        return;
      }
      this.#position = event.id!;
      if (this.selection.covers(event)) {
        this.#emit(event);
      }
    }
  }

  #join(): void {
    if (!this.#closed) {
      this.#live = this.dispatcher.subjects.observe(
        this.selection,
        new LiveSubscriber(this),
      );
    }
  }

  /** Takes a live event. */
  receive(event: HubEvent): void {
    if (event.id === undefined) {
      if (event === this.#last) {
        return;
      }
      this.#last = event;
    } else {
      // Also drops an event that came through another topic or pattern before,
      // and what a client from a node that is further ahead has seen.
      if (event.id <= this.#position) {
        return;
      }
      this.#position = event.id;
    }
    this.#emit(event);
  }

  #emit(event: HubEvent): void {
    let accepted: boolean;
    try {
      accepted = this.selection.accepts(event);
    } catch (error) {
      this.connection.beforeEvent(event);
      this.subscriber.error(error);
      this.connection.afterEvent();
      return;
    }
    if (accepted) {
      this.connection.beforeEvent(event);
      try {
        this.subscriber.next(event);
      } catch (error) {
        // Only a subscriber that is no operator's and no observer's lets it through.
        this.subscriber.error(error);
      }
      this.connection.afterEvent();
    }
  }
}

/**
 * Receives from the Subjects. A subscriber of its own spares each event the two calls that RxJS
 * adds for an observer.
 */
class LiveSubscriber extends Subscriber<HubEvent> {
  constructor(private readonly stream: EventStream) {
    super();
  }

  protected override _next(event: HubEvent): void {
    this.stream.receive(event);
  }

  /** The Subjects complete when the application closes; connections end in their own way. */
  protected override _complete(): void {}
}
