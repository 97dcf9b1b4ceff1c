import { Inject, Injectable, Optional } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import type { SchedulerLike } from 'rxjs';
import type { SseConnection } from '../../connection/sse-connection.js';
import { rolesReader, userIdReader } from '../../connection/user-readers.js';
import type { ValidatorNow } from '../../events/event-validator.js';
import {
  toDisconnectRecord,
  toRefreshRecord,
} from '../../hub/control-entry.js';
import type {
  DisconnectCriteria,
  RefreshCriteria,
} from '../../hub/control-entry.js';
import type { Plain } from '../../hub/event-class.js';
import { EventHub } from '../../hub/event-hub.js';
import type {
  AnyEventMap,
  EventMap,
  EventOf,
  TopicOf,
} from '../../hub/event-map.js';
import type { HubEvent } from '../../hub/hub-event.js';
import type { PublishOf } from '../../hub/hub-options.js';
import type { DeliveryOptions, NewEvent } from '../../hub/publisher.js';
import { toRecord } from '../../hub/publisher.js';
import { loadClassTransformer } from '../../hub/serialize.js';
import { toEvent } from '../../hub/to-event.js';
import { LogUnavailableException } from '../../log/log.exceptions.js';
import { optionalPeersNow } from './optional-peers.js';
import type { PublishedEvent, PublishedRecord } from './published-event.js';
import { testConnection } from './test-connection.js';
import type { TestConnectionOptions } from './test-connection.js';
import { testHubContext } from './test-hub-context.js';
import type {
  Failures,
  TestEventHubOptions,
  TestHubContext,
} from './test-hub-context.js';
import { VirtualLog } from './virtual-log.js';

/** Injection token of the options, for a `TestEventHub` that Nest makes. */
export const TEST_EVENT_HUB_OPTIONS = Symbol('TEST_EVENT_HUB_OPTIONS');

/** What a service asked of `hub.disconnect`. */
export interface TestDisconnect {
  readonly criteria: DisconnectCriteria;
  readonly reason: string;
}

/** What a hub on virtual time is made of besides. */
interface Virtual {
  readonly scheduler: SchedulerLike;
  readonly log: VirtualLog;
  readonly validator: ValidatorNow | undefined;
}

/**
 * A hub for unit tests of services and handlers, without HTTP and without `SseModule`. It validates,
 * serializes and hands on as the real one, on a log in memory, and remembers what was published.
 *
 * @example
 * ```ts
 * const hub = new TestEventHub();
 * await new MoviesService(hub).add({ title: 'Alien' });
 * expect(hub.published).toMatchObject([
 *   { topic: 'movies', type: 'movie.added', data: { title: 'Alien' } },
 * ]);
 * ```
 *
 * @example
 * ```ts
 * Test.createTestingModule({
 *   providers: [MoviesService, { provide: EventHub, useClass: TestEventHub }],
 * });
 * ```
 */
@Injectable()
export class TestEventHub<Map extends EventMap = AnyEventMap>
  extends EventHub<Map>
  implements BeforeApplicationShutdown
{
  readonly #published: PublishedRecord[] = [];
  /** Also of what was forgotten: a repeat is none of its own. */
  readonly #ids = new Set<string>();
  readonly #disconnects: TestDisconnect[] = [];
  readonly #refreshes: RefreshCriteria[] = [];
  readonly #failures: Failures;
  readonly #parts: TestHubContext;
  readonly #readers = { userId: userIdReader(), roles: rolesReader() };
  readonly #virtual: Virtual | undefined;
  #peers: Promise<void> | undefined;

  /** @throws InvalidOptionException */
  constructor(
    @Optional()
    @Inject(TEST_EVENT_HUB_OPTIONS)
    options: TestEventHubOptions = {},
  ) {
    const failures: Failures = [];
    const parts = testHubContext(options, failures);
    super(parts);
    this.#failures = failures;
    this.#parts = parts;
    if (options.scheduler !== undefined) {
      this.#virtual = this.#onVirtualTime(options.scheduler);
    }
  }

  /** What was published, in order; what was refused, and what an idempotency key has made a repeat, is not there. */
  get published(): readonly PublishedEvent<Map>[] {
    return this.#published as unknown as PublishedEvent<Map>[];
  }

  /** What was given to `disconnect`, in order. */
  get disconnects(): readonly TestDisconnect[] {
    return this.#disconnects;
  }

  /** What was given to `refresh`, in order. */
  get refreshes(): readonly RefreshCriteria[] {
    return this.#refreshes;
  }

  /** Forgets what was published, disconnected and refreshed, and failures that have not come. The history stays. */
  clear(): void {
    for (const list of [
      this.#published,
      this.#disconnects,
      this.#refreshes,
      this.#failures,
    ]) {
      list.length = 0;
    }
  }

  /**
   * Makes the next publish that is valid fail, and then the one after it if called twice: what the
   * log does not take is not published.
   *
   * @param error what it is rejected with; LogUnavailableException if left out
   */
  failNextPublish(
    error: Error = new LogUnavailableException('The test wants it so.'),
  ): void {
    this.#failures.push(error);
  }

  /**
   * A connection to call a handler with, or `hub.stream({ …, for: connection })`. Policies are not
   * asked. It ends by its `close()` and by `hub.disconnect`, as `connection.signal` tells.
   *
   * @param options whose it is, and where it continues
   */
  connection<User = any>(
    options: TestConnectionOptions<User> = {},
  ): SseConnection<User> {
    const now = this.#virtual?.scheduler.now() ?? Date.now();
    const connection = testConnection(options, this.#readers, now, (ended) =>
      this.#parts.connections.delete(ended),
    );
    this.#parts.connections.add(connection);
    return connection;
  }

  /** As `EventHub.publish`; remembered. */
  override publish<Event extends object>(
    event: Event,
    delivery?: DeliveryOptions,
  ): Promise<HubEvent<string, string, Plain<Event>>>;
  /** As `EventHub.publish`; remembered. */
  override publish<Topic extends TopicOf<Map>>(
    topic: Topic,
    event: PublishOf<Map, Topic>,
  ): Promise<EventOf<Map, Topic>>;
  override async publish(target: any, given?: any): Promise<any> {
    const event =
      this.#virtual === undefined
        ? await super.publish(target, given)
        : this.#publishNow(this.#virtual, target, given);
    return this.#remember(target, given, event);
  }

  /** As `EventHub.disconnect`; remembered. */
  override async disconnect(
    criteria: DisconnectCriteria,
    reason = 'revoked',
  ): Promise<void> {
    if (this.#virtual === undefined) {
      await super.disconnect(criteria, reason);
    } else {
      this.#virtual.log.appendNow(toDisconnectRecord(criteria, reason));
    }
    this.#disconnects.push({ criteria, reason });
  }

  /** As `EventHub.refresh`; remembered. Nobody loads the user anew. */
  override async refresh(criteria: RefreshCriteria): Promise<void> {
    if (this.#virtual === undefined) {
      await super.refresh(criteria);
    } else {
      this.#virtual.log.appendNow(toRefreshRecord(criteria));
    }
    this.#refreshes.push(criteria);
  }

  /**
   * Resolves when everything that was published before has been handed to who listens. `publish`
   * itself resolves when the log has the event.
   */
  override settled(): Promise<void> {
    return super.settled();
  }

  /** @internal A service that is not made by Nest publishes without `onModuleInit`. */
  override async start(): Promise<void> {
    await (this.#peers ??= loadClassTransformer());
    await super.start();
  }

  /** @internal */
  beforeApplicationShutdown(): Promise<void> {
    return this.stop();
  }

  #onVirtualTime(scheduler: SchedulerLike): Virtual {
    const log = this.log as VirtualLog;
    this.dispatcher.startAt(log.boundsNow);
    log.onRecord = (record) => this.dispatcher.take([record]);
    return { scheduler, log, validator: optionalPeersNow() };
  }

  /** What `EventHub.publish` does, in one call. */
  #publishNow(
    { scheduler, log, validator }: Virtual,
    target: unknown,
    given: NewEvent | DeliveryOptions | undefined,
  ): HubEvent {
    const { events, maxEventBytes } = this.#parts;
    const { topic, event } =
      typeof target === 'object' && target !== null
        ? events.readNow(target, given, validator)
        : { topic: target as string, event: given as NewEvent };
    const record = toRecord(topic, event, maxEventBytes, scheduler.now());
    const failure = this.#failures.shift();
    if (failure !== undefined) {
      throw failure;
    }
    if (event.ephemeral) {
      log.dispatch(record);
      return toEvent(record, false);
    }
    return toEvent(log.appendNow(record), false);
  }

  #remember(
    target: unknown,
    given: NewEvent | DeliveryOptions | undefined,
    event: HubEvent,
  ): HubEvent {
    const { id, topic, type, audience } = event;
    if (id === undefined || !this.#ids.has(id)) {
      this.#ids.add(id ?? '');
      this.#published.push({
        topic,
        type,
        data: typeof target === 'object' ? target : (given as NewEvent).data,
        audience,
        ephemeral: given?.ephemeral === true,
        event,
      });
    }
    return event;
  }
}
