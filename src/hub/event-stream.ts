import { Subscriber } from 'rxjs';
import type { Subscription } from 'rxjs';
import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import type {
  CarriedStream,
  ResetReason,
  StreamConnection,
} from './stream-connection.js';
import type { DispatchedStream, Dispatcher } from './dispatcher.js';
import type { HubEvent } from './hub-event.js';
import type { Presence } from './presence.js';
import type { Rewind } from './rewind.js';
import { AuthorizationTimeoutException } from './hub.exceptions.js';
import { LACK_PAUSE } from './log-reader.js';
import type { Selection } from './selection.js';
import type { StreamAuthorizer } from './stream-authorizer.js';
import { TopicJoins } from './topic-joins.js';
import type { JoinedStream } from './topic-joins.js';
import { StreamStart } from './stream-start.js';
import type { Start } from './stream-start.js';
import { SLICE } from './window.js';

/**
 * For how long a head waits for the log to say where its stream starts, in milliseconds: until then
 * an error is the request's, and what the log says leaves with the head.
 */
const HEAD_PATIENCE = 100;

/** Where a client begins that has no cursor, or none that holds; now if nothing is said. */
export interface Beginning {
  readonly rewind?: Rewind;
  readonly after?: Cursor;
}

/**
 * One pass over the log for one connection: replay from the client's cursor out
 * of the window or the log's pages, then live. It joins the Subjects in the same
 * synchronous turn in which the replay reaches the dispatcher's position, so
 * nothing falls between the two. A connection that cannot keep up with live
 * events leaves the Subjects and is served by replay again until it has caught up.
 */
export class EventStream
  implements CarriedStream, DispatchedStream, JoinedStream
{
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
  /** Of those, with a page. */
  #asksLog = false;
  #headTimer: NodeJS.Timeout | undefined;
  #joins: TopicJoins | undefined;
  /** What a topic that joins has had before is handed on first. */
  #held = false;
  #generation = 0;
  /** It does not yet observe what it selects. */
  #reselects = false;
  /** Who is on the topics by this stream. */
  #user: string | undefined;
  #selection: Selection;

  /** @param named what the handler asks for, besides what the connection has joined */
  constructor(
    readonly dispatcher: Dispatcher,
    readonly authorizer: StreamAuthorizer,
    private readonly named: Selection,
    readonly connection: StreamConnection,
    private readonly subscriber: Subscriber<HubEvent>,
    private readonly beginning: Beginning,
    private readonly presence: Presence,
    readonly maxTopics: number,
  ) {
    const { listener, movedTopics } = connection;
    // A refresh may have changed who it is since `stream` was called.
    this.#selection = named.withListener(listener).withMoved(movedTopics);
  }

  get selection(): Selection {
    return this.#selection;
  }

  get position(): Cursor {
    // An event being dispatched may be still to come, also when it is left in the midst of that.
    const { settled } = this.dispatcher;
    return this.#live !== undefined && settled > this.#position
      ? settled
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
    this.#generation++;
    return this.authorizer.authorize(this.connection, this.selection);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#headTimer);
    this.#joins?.close();
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

  get isUpToDate(): boolean {
    return this.#live !== undefined;
  }

  fallBehind(): boolean {
    if (this.#live === undefined) {
      return false;
    }
    this.#stopLive();
    this.#replayWhenWritable();
    return true;
  }

  coversTopic(topic: string): boolean {
    return (
      this.selection.coversTopic(topic) || this.#joins?.covers(topic) === true
    );
  }

  names(topic: string): boolean {
    return this.named.topics.includes(topic);
  }

  get mayJoin(): boolean {
    return this.#authorized && !this.#suspended && !this.#closed;
  }

  get generation(): number {
    return this.#generation;
  }

  join(topic: string, rewind: Rewind | undefined): Promise<void> {
    this.#joins ??= new TopicJoins(this, this);
    return this.#joins.join(topic, rewind);
  }

  add(topic: string): void {
    this.#selection = this.selection.withTopics([
      ...this.selection.topics,
      topic,
    ]);
    if (this.#user !== undefined) {
      this.presence.join([topic], this.#user);
    }
    this.connection.topicMoved(topic, true, this.names(topic));
    this.#reobserve();
  }

  leave(topic: string): void {
    this.#joins?.leave(topic);
    const { topics } = this.selection;
    if (this.#closed || !topics.includes(topic)) {
      return;
    }
    this.#selection = this.selection.withTopics(
      topics.filter((other) => other !== topic),
    );
    if (this.#user !== undefined) {
      this.presence.leave([topic], this.#user);
    }
    if (this.#live !== undefined && !this.#reselects) {
      this.#reselects = true;
      // Not in the midst of an event being dispatched, which this stream has perhaps not met.
      queueMicrotask(() => this.#reobserve());
    }
  }

  /** Observes what it selects now, from the same position on. */
  #reobserve(): void {
    this.#reselects = false;
    if (this.#live !== undefined) {
      this.#stopLive();
      this.#join();
    }
  }

  hold(): void {
    this.#held = true;
    this.#stopLive();
  }

  release(): void {
    this.#held = false;
    if (!this.#waiting) {
      this.#replay();
    }
  }

  emitBehind(event: HubEvent): void {
    this.#emit(event);
  }

  suspend(): void {
    this.#suspended = true;
    this.#stopLive();
  }

  resume(): void {
    if (this.#suspended && !this.#closed) {
      this.#selection = this.selection.withListener(this.connection.listener);
      this.#suspended = false;
      const hasStarted = this.#position !== '';
      if (hasStarted && !this.#waiting) {
        this.#replay();
      }
      this.#joins?.proceed();
    }
  }

  /** Stops receiving live events; the position stays. */
  #stopLive(): void {
    this.#position = this.position;
    this.#live?.unsubscribe();
    this.#live = undefined;
  }

  historyChanged(position: Cursor, reason: ResetReason, before: Cursor): void {
    if (reason === 'evicted' && this.#position >= position) {
      // A client from a node that was further has seen what is gone.
      return;
    }
    const hasMet = this.#live !== undefined && before > this.#position;
    const cursor = hasMet ? before : this.#position;
    this.#position = position;
    this.connection.reset(position, { reason, cursor });
    if (this.#asksLog) {
      // What it asked for is no use any more.
      this.#asksLog = false;
      this.dispatcher.leave(this);
      this.#replayNextTurn();
    }
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
    this.#joins?.proceed();
    if (this.dispatcher.position === '') {
      await this.dispatcher.start();
    }
    const start = new StreamStart(this.dispatcher, {
      selection: this.selection,
      rewind: this.beginning.rewind,
      after: this.beginning.after,
      from: this.connection.resumeFrom,
      who: this,
    });
    let found = start.find();
    if (found === undefined) {
      this.#waitForHead(start.kept);
      while (found === undefined && !this.#closed) {
        await start.ask();
        found = start.find();
      }
      clearTimeout(this.#headTimer);
    }
    if (found !== undefined && !this.#closed) {
      this.#startAt(found);
    }
  }

  /** The head leaves without what the log says, if that takes long. */
  #waitForHead(cursor: Cursor | undefined): void {
    if (this.dispatcher.health.status === 'down') {
      this.#startLater(cursor);
    } else {
      this.#headTimer = setTimeout(() => {
        try {
          this.#startLater(cursor);
        } catch (error) {
          this.#failToBegin(error);
        }
      }, HEAD_PATIENCE);
    }
  }

  #startLater(cursor: Cursor | undefined): void {
    this.#appear();
    this.connection.startLater(cursor);
  }

  /** Its user is on the topics from now on. */
  #appear(): void {
    const { userId } = this.selection.listener;
    if (this.#user === undefined && userId !== undefined) {
      this.#user = userId;
      this.presence.join(this.selection.topics, userId);
    }
  }

  /**
   * A refusal is the connection's: a handler's `retry()` would ask for ever, and its
   * `catchError()` hide it. Who could not be answered comes back, and a status other than 200
   * would end a native EventSource for good.
   */
  #failToBegin(error: unknown): void {
    clearTimeout(this.#headTimer);
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

  #startAt({ cursor, reset }: Start): void {
    this.#position = cursor;
    this.dispatcher.register(this, cursor);
    this.#appear();
    this.connection.start(cursor, reset);
    this.#replay();
    this.#joins?.proceed();
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
    const isStopped = this.#closed || this.#suspended || this.#held;
    if (isStopped || this.#live !== undefined) {
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
    this.#waiting = this.#asksLog = true;
    const { events, floor } = await this.dispatcher.page(from, this);
    if (this.#position !== from || epochOf(floor) !== epochOf(from)) {
      // History has changed, and the stream goes on by itself; or it has changed in the log,
      // and the node, which will be told, tells the stream.
      return;
    }
    this.#asksLog = false;
    if (this.#closed || this.#suspended || this.#held) {
      return this.#replay();
    }
    const { position } = this.dispatcher;
    if (floor > from) {
      this.#position = position;
      this.connection.reset(position, { reason: 'evicted', cursor: from });
    } else if (events.length === 0) {
      // The log has not what this node has met: its newest entries may be lost, which the
      // tail will tell. Asked at once again, it would be asked all the time.
      setTimeout(() => this.#replay(), LACK_PAUSE).unref();
      return;
    } else {
      this.#handOn(events.filter((event) => event.id! <= position));
    }
    this.#replayNextTurn();
  }

  #handOn(events: readonly HubEvent[]): void {
    const { skipped } = this.connection;
    for (const event of events) {
      if (this.#closed) {
        return;
      }
      this.#position = event.id!;
      if (this.selection.covers(event) && !skipped?.has(event.id!)) {
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
    if (!this.#reselects || this.selection.covers(event)) {
      this.#emit(event);
    }
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
