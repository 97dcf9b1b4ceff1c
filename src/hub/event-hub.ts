import { Inject, Injectable, Logger } from '@nestjs/common';
import { Observable } from 'rxjs';
import type { Cursor } from '../log/cursor.js';
import type { EventLog, LogRecord } from '../log/event-log.js';
import { LogUnavailableException } from '../log/log.exceptions.js';
import type { AnyEventMap, EventMap, EventOf, TopicOf } from './event-map.js';
import type { DisconnectCriteria, RefreshCriteria } from './control-entry.js';
import { toDisconnectRecord, toRefreshRecord } from './control-entry.js';
import { Dispatcher } from './dispatcher.js';
import { toSignal } from './early-events.js';
import type { EventClass, HubEventOf, Plain } from './event-class.js';
import { Deadline } from './deadline.js';
import { EventStream } from './event-stream.js';
import type { Beginning } from './event-stream.js';
import { HistoryRead } from './history.js';
import type { History } from './history.js';
import { HubEvent } from './hub-event.js';
import { HUB_CONTEXT } from './hub-context.js';
import type { HubHealth } from './hub-health.js';
import type { HubContext } from './hub-context.js';
import type {
  AnySelection,
  HistoryEventsOptions,
  HistoryOptions,
  ListenEventsOptions,
  ListenOptions,
  PublishOf,
  Snapshot,
  StreamEventsOptions,
  StreamOptions,
} from './hub-options.js';
import { InWork } from './in-work.js';
import {
  AuthorizationTimeoutException,
  InvalidStreamException,
} from './hub.exceptions.js';
import { checkKnown } from './known-options.js';
import { markListen } from './listen-mark.js';
import { Presence } from './presence.js';
import type { PresenceChange, PresenceState } from './presence.js';
import type { DeliveryOptions, NewEvent } from './publisher.js';
import { toRecord } from './publisher.js';
import { checkRewind } from './rewind.js';
import { Selection } from './selection.js';
import type { SelectionOptions } from './selection.js';
import { loadClassTransformer } from './serialize.js';
import { Settlement } from './settlement.js';
import type { ConnectionInfo, StreamConnection } from './stream-connection.js';
import { toEvent } from './to-event.js';
import { checkTopic } from './topic.js';

/**
 * Publishes events and gives streams of them. Inject it anywhere.
 *
 * @example
 * ```ts
 * @Injectable()
 * class MoviesService {
 *   constructor(private readonly hub: EventHub) {}
 *
 *   add(movie: Movie) {
 *     return this.hub.publish('movies', { type: 'movie.added', data: movie });
 *   }
 * }
 * ```
 */
@Injectable()
export class EventHub<Map extends EventMap = AnyEventMap> {
  readonly #dispatcher: Dispatcher;
  readonly #presence: Presence;
  readonly #logger = new Logger('EventHub');
  /** What the log is being given. */
  readonly #giving = new InWork();
  #closing = false;
  #hasRefused = false;
  readonly #settlement: Settlement;

  /** @internal */
  constructor(@Inject(HUB_CONTEXT) private readonly context: HubContext) {
    this.#dispatcher = new Dispatcher(
      context.log,
      context.window,
      context.control,
      (type, text) => {
        this.#presence.receive(type, text);
        this.#settlement.receive(type, text);
      },
    );
    this.#presence = new Presence(
      context.presenceGrace,
      context.clock?.now,
      undefined,
      context.clock?.timers,
    );
    this.#settlement = new Settlement(
      context.log,
      this.#dispatcher,
      this.#giving,
    );
  }

  /**
   * Validates an instance of a class with `@SseEvent()`, which says topic and type, and appends
   * it to the log, from which it reaches the streams of every node.
   *
   * @param event the instance, which becomes the data
   * @param delivery whom it is for, and how it is kept
   * @returns the event, once the log has it
   * @throws EventValidationException if it breaks the rules of its class, and what publishing
   * on a topic throws
   */
  publish<Event extends object>(
    event: Event,
    delivery?: DeliveryOptions,
  ): Promise<HubEvent<string, string, Plain<Event>>>;
  /**
   * Appends an event to the log, from which it reaches the streams of every node.
   *
   * @param topic a literal topic
   * @param event its type, its data and whom it is for
   * @returns the event, once the log has it
   * @throws InvalidTopicException, InvalidEventException, UnserializableDataException,
   * EventTooLargeException; LogUnavailableException when the log does not take it
   */
  publish<Topic extends TopicOf<Map>>(
    topic: Topic,
    event: PublishOf<Map, Topic>,
  ): Promise<EventOf<Map, Topic>>;
  publish(
    target: string | object,
    given?: NewEvent | DeliveryOptions,
  ): Promise<HubEvent> {
    return this.#closing
      ? this.#refuse(target)
      : this.#giving.run(() => this.#publish(target, given));
  }

  async #publish(
    target: string | object,
    given: NewEvent | DeliveryOptions | undefined,
  ): Promise<HubEvent> {
    await this.start();
    const { topic, event } =
      typeof target === 'object' && target !== null
        ? await this.context.events.read(target, given)
        : { topic: target, event: given as NewEvent };
    const record = toRecord(topic, event, this.context.maxEventBytes);
    if (event.ephemeral) {
      const { capabilities } = this.context.log;
      await this.context.log.signal([
        capabilities.shared
          ? toSignal(record, this.#dispatcher.obeyed)
          : record,
      ]);
      return toEvent(record, false);
    }
    const [entry] = await this.context.log.append([record]);
    return toEvent(entry!, false);
  }

  /**
   * The events of classes with `@SseEvent()` that one client gets, otherwise as by topics. A topic
   * with placeholders needs `topics`, or `patterns`, that say which.
   *
   * @throws InvalidTopicException, InvalidStreamException
   *
   * @example
   * ```ts
   * hub.stream({
   *   events: [MovieAdded, MovieRecommended],
   *   topics: [topic('users', connection.user.id)],
   *   for: connection,
   * });
   * ```
   */
  stream<const Classes extends readonly EventClass[]>(
    options: StreamEventsOptions<Classes>,
  ): Observable<HubEventOf<Classes[number]>>;
  /**
   * The events that one client gets: from its cursor (`Last-Event-ID`, else the query
   * parameter `lastEventId`) out of the retained history, then live, each once.
   * A connection carries one stream, so list all its topics here.
   *
   * @returns a cold observable; errors reach the subscriber
   * @throws InvalidTopicException, InvalidStreamException
   */
  stream<
    Topic extends TopicOf<Map> = TopicOf<Map>,
    Type extends string = string,
  >(
    options: StreamOptions<Map, Topic, Type>,
  ): Observable<EventOf<Map, Topic, Type>>;
  stream(
    options: AnySelection &
      Pick<StreamOptions<Map, never, never>, 'rewind' | 'after' | 'for'>,
  ): Observable<HubEvent> {
    checkKnown('hub.stream', options);
    const { for: connection } = options;
    const selection = this.#selectionFor('hub.stream', options, connection);
    const beginning = checkBeginning(options);
    return new Observable((subscriber) => {
      const stream = new EventStream(
        this.#dispatcher,
        this.context.authorizer,
        selection,
        connection,
        subscriber,
        beginning,
        this.#presence,
        this.context.topicsPerStream,
      );
      subscriber.add(() => stream.close());
      if (!subscriber.closed) {
        // Else nobody would ever close it again.
        stream.open();
      }
    });
  }

  /**
   * Retained events of classes with `@SseEvent()`, otherwise as by topics.
   *
   * @throws as by topics
   */
  history<const Classes extends readonly EventClass[]>(
    options: HistoryEventsOptions<Classes>,
  ): Promise<History<HubEventOf<Classes[number]>>>;
  /**
   * The retained events that a fresh stream of the same selection and `rewind` begins with, at once,
   * and the cursor up to which they were read: a stream `after` it has every later event, and
   * none of these. It is no stream, so the connection still carries one.
   *
   * @throws InvalidTopicException, InvalidStreamException, TopicForbiddenException; what `where`
   * throws; StreamEndedException when the client has left meanwhile. LogUnavailableException
   * when what is older than the window is needed and the log's engine does not answer, and
   * AuthorizationTimeoutException: a handler that fails with these ends its stream with
   * `hub.closed` and the reason `unavailable`, and browsers come back
   *
   * @example
   * ```ts
   * const topics = ['chat'];
   * const { events, cursor } = await hub.history({ topics, rewind: 100, for: connection });
   * return concat(
   *   of({ data: events.map(({ data }) => data) }),
   *   hub.stream({ topics, after: cursor, for: connection }),
   * );
   * ```
   */
  history<
    Topic extends TopicOf<Map> = TopicOf<Map>,
    Type extends string = string,
  >(
    options: HistoryOptions<Map, Topic, Type>,
  ): Promise<History<EventOf<Map, Topic, Type>>>;
  async history(
    options: AnySelection &
      Pick<HistoryOptions<Map, never, never>, 'rewind' | 'for'>,
  ): Promise<History> {
    checkKnown('hub.history', options);
    const { for: connection, rewind } = options;
    const selection = this.#selectionFor('hub.history', options, connection);
    checkRewind('hub.history', rewind);
    try {
      await this.start();
      return await new HistoryRead(
        this.#dispatcher,
        this.context.authorizer,
        connection,
        selection,
        rewind,
      ).run();
    } catch (error) {
      const isPassing =
        error instanceof LogUnavailableException ||
        error instanceof AuthorizationTimeoutException;
      if (isPassing) {
        // A status other than 200 would end a native EventSource for good.
        connection.excuse(error);
      }
      throw error;
    }
  }

  /**
   * Events of classes with `@SseEvent()` for server code, otherwise as by topics. A topic with
   * placeholders stands for all of its topics, unless `topics` or `patterns` say which.
   *
   * @throws InvalidTopicException, InvalidStreamException
   */
  listen<const Classes extends readonly EventClass[]>(
    options: ListenEventsOptions<Classes>,
  ): Observable<HubEventOf<Classes[number]>>;
  /**
   * Events for server code: live from now, without a cursor, and without events that
   * have an audience unless `audience: 'all'` is said. What a client gets goes through
   * `stream`: an `@Sse()` response of this package refuses these.
   *
   * @returns a hot observable that completes when the application closes
   * @throws InvalidTopicException, InvalidStreamException
   */
  listen<
    Topic extends TopicOf<Map> = TopicOf<Map>,
    Type extends string = string,
  >(
    options: ListenOptions<Map, Topic, Type>,
  ): Observable<EventOf<Map, Topic, Type>>;
  listen(
    options: AnySelection & Pick<ListenOptions<Map, never, never>, 'audience'>,
  ): Observable<HubEvent> {
    checkKnown('hub.listen', options);
    const selection = new Selection(
      'hub.listen',
      this.#selected('hub.listen', options, true),
      { all: options.audience === 'all' },
    );
    return markListen(
      new Observable<HubEvent>((subscriber) => {
        if (this.#dispatcher.stopped) {
          subscriber.complete();
          return;
        }
        let last: HubEvent | undefined;
        this.start().catch((error: unknown) => subscriber.error(error));
        return this.#dispatcher.subjects.observe(selection, {
          next: (event) => {
            if (event !== last && selection.accepts(event)) {
              subscriber.next(event);
            }
            last = event;
          },
          complete: () => subscriber.complete(),
        });
      }),
    );
  }

  /**
   * Loads data together with the cursor from which a page continues. The cursor is taken
   * first, so an event in between may be in both: the page upserts. Like `head`, it needs no
   * engine.
   *
   * @throws LogUnavailableException as `head` does; what `load` throws
   *
   * @example
   * ```ts
   * @Get() movies() { return this.hub.snapshot(() => this.repository.find()); }
   * ```
   */
  async snapshot<Data>(
    load: () => Data | Promise<Data>,
  ): Promise<Snapshot<Data>> {
    const cursor = await this.head();
    return { cursor, data: await load() };
  }

  /**
   * Ends streams, on every node. It is an entry in the log: once this has resolved, nothing
   * that is published later reaches a matching stream, and what had not been written is
   * dropped. (Ephemeral events are no entries: one that a node publishes before it has met this may
   * still reach a stream of another.) A client that does not take what was written is cut. It also reaches a
   * request that guards have let through and whose stream has not opened yet; not one that
   * arrives later, which the guards see, so take the session away first.
   *
   * @param criteria at least one; what is given must all hold
   * @param reason a word for the page, in `event: hub.closed`; at most 64 characters
   * @throws InvalidRevocationException, InvalidTopicException; LogUnavailableException when
   * the log does not take it, or has not brought it back to this node within 10 seconds: then
   * it may hold all the same, as soon as a node meets it
   *
   * @example
   * ```ts
   * await this.sessions.delete(session.id);
   * await this.hub.disconnect({ user: session.userId }, 'signed-out');
   * ```
   */
  async disconnect(
    criteria: DisconnectCriteria,
    reason = 'revoked',
  ): Promise<void> {
    await this.#appendControl(toDisconnectRecord(criteria, reason));
  }

  /**
   * What a user may see has changed: on every node, the user's streams stop at this entry of
   * the log until the user is loaded anew (option `loadUser`) and roles and policies are asked
   * again. Then they go on from there, without loss, or are ended: with `revoked`, with `expired`
   * if the user's new lease is over, or with `unavailable` if nobody could say. Guards are not run
   * again; for what they decide, use `disconnect`.
   *
   * @param criteria the user
   * @returns when this node's streams of the user have stopped, not when they go on
   * @throws InvalidRevocationException; LogUnavailableException as `disconnect` does
   *
   * @example
   * ```ts
   * await this.roles.remove(userId, 'editor');
   * await this.hub.refresh({ user: userId });
   * ```
   */
  async refresh(criteria: RefreshCriteria): Promise<void> {
    await this.#appendControl(toRefreshRecord(criteria));
  }

  /**
   * The cursor of the newest event that this node has dispatched. It is there also while the log's
   * engine is away: who continues from it gets everything that comes later.
   *
   * @throws LogUnavailableException when the hub has not started and the log does not open
   */
  async head(): Promise<Cursor> {
    await this.start();
    return this.#dispatcher.position;
  }

  /**
   * Whether this node dispatches and the log's engine answers: at once, from what is known. It is
   * for monitoring: an engine that is away is no reason to end a process that holds open
   * streams, nor to send its clients elsewhere.
   *
   * @example
   * ```ts
   * @Get('health') health() { return this.hub.health(); }
   * ```
   */
  health(): HubHealth {
    const { position, stopped, waiting, health: log } = this.#dispatcher;
    const state = stopped
      ? 'stopped'
      : position === ''
        ? 'starting'
        : 'started';
    return {
      status: state === 'started' ? log.status : 'down',
      state,
      log,
      position: position === '' ? undefined : position,
      waiting,
    };
  }

  /** The connections that are open on this node. */
  connections(): readonly ConnectionInfo[] {
    return [...this.context.connections.values()];
  }

  /**
   * The users whose hub streams name a topic now, on all nodes that share the log, as far as this
   * one has heard. Patterns and connections without a user id do not count. A user who has just
   * left is counted until `left` is told.
   *
   * @param topic a literal topic
   * @throws InvalidTopicException
   *
   * @example
   * ```ts
   * @Get(':room/users') users(@Param('room') room: string) {
   *   return this.hub.presence(topic('rooms', room)).users;
   * }
   * ```
   */
  presence(topic: TopicOf<Map>): PresenceState {
    checkTopic(topic);
    return this.#presence.of(topic);
  }

  /**
   * Users that join a topic and leave it, on whatever node: a user joins with the first stream
   * and has left when the last one has been gone for `presenceGrace`. Every node tells it once.
   *
   * @param topic a literal topic
   * @returns a hot observable, from now on, that completes when the application closes
   * @throws InvalidTopicException
   */
  presence$(topic: TopicOf<Map>): Observable<PresenceChange> {
    checkTopic(topic);
    return this.#presence.changes(topic);
  }

  /**
   * Resolves when this node has dispatched everything that was published before the call.
   *
   * @internal
   */
  async settled(): Promise<void> {
    await this.start();
    await this.#settlement.reached();
  }

  /** @internal What the test kit drives. */
  get dispatcher(): Dispatcher {
    return this.#dispatcher;
  }

  /** @internal */
  get log(): EventLog {
    return this.context.log;
  }

  /**
   * Opens the log and fills the window. The module does it at start; earlier
   * calls of other methods do it themselves.
   *
   * @internal
   */
  async start(): Promise<void> {
    await this.#dispatcher.start();
    if (this.context.log.capabilities.shared) {
      this.#presence.span(this.context.log);
    }
  }

  #selected(
    method: string,
    options: AnySelection,
    mayBeOpen: boolean,
  ): SelectionOptions {
    return 'events' in options
      ? {
          ...options,
          ...this.context.events.select(method, options, mayBeOpen),
        }
      : options;
  }

  #selectionFor(
    method: string,
    options: AnySelection,
    connection: StreamConnection,
  ): Selection {
    if (typeof connection?.attach !== 'function') {
      throw new InvalidStreamException(
        `${method} needs the connection it is for: add @Connection() to the handler and pass \`for: connection\`. Server code uses hub.listen(), for what comes.`,
      );
    }
    const selected = this.#selected(method, options, false);
    const selection = new Selection(method, selected, connection.listener);
    this.#checkSize(method, selection);
    return selection;
  }

  #checkSize(method: string, { topics, patterns }: Selection): void {
    const { topicsPerStream } = this.context;
    const size = topics.length + patterns.length;
    if (size > topicsPerStream) {
      throw new InvalidStreamException(
        `${method}: ${size} topics and patterns, but "limits.topicsPerStream" is ${topicsPerStream}. Use a pattern for many topics, or raise the limit.`,
      );
    }
  }

  /** @internal */
  onModuleInit(): Promise<void> {
    return Promise.all([
      loadClassTransformer(),
      this.context.events.load(),
    ]).then(() => this.start());
  }

  /**
   * A timer that still publishes must not end the process while the streams are being closed: the
   * rejection is the caller's if it looks at it, and told here in any case.
   */
  #refuse(target: unknown): Promise<never> {
    const what = typeof target === 'string' ? `'${target}'` : 'an event';
    const refused = Promise.reject<never>(
      new LogUnavailableException(
        `publish(${what}): the application is shutting down, and the hub takes no events any more. Stop timers in onModuleDestroy().`,
      ),
    );
    refused.catch((error: Error) => {
      if (!this.#hasRefused) {
        this.#hasRefused = true;
        this.#logger.warn(`${error.message} (Said once.)`);
      }
    });
    return refused;
  }

  #appendControl(record: LogRecord): Promise<void> {
    return this.#giving.run(async () => {
      await this.start();
      await this.#dispatcher.command(record);
    });
  }

  /**
   * Takes no events any more, stops dispatching and closes the log.
   *
   * @internal
   * @param deadline until when the log may take what it has been given
   */
  async stop(deadline = new Deadline(0)): Promise<void> {
    this.#closing = true;
    await deadline.wait(this.#giving.ended());
    if (this.#giving.size > 0) {
      this.#logger.warn(
        `Closing without waiting any longer for the log to take what it was given (${this.#giving.size} events and commands)`,
      );
    }
    await this.#presence.stop();
    await this.#dispatcher.stop();
  }
}

/** @throws InvalidStreamException */
function checkBeginning({ rewind, after }: Beginning): Beginning {
  if (rewind !== undefined) {
    checkRewind('hub.stream', rewind);
  }
  if (after === undefined || after === '') {
    return { rewind };
  }
  if (typeof after !== 'string') {
    throw new InvalidStreamException(
      'hub.stream: "after" must be a cursor, as hub.history() and hub.snapshot() give it.',
    );
  }
  if (rewind !== undefined) {
    throw new InvalidStreamException(
      'hub.stream: "after" and "rewind" both say where a client without a cursor begins. Leave one out.',
    );
  }
  return { after };
}
