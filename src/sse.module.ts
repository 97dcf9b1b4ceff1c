import { Global, Inject, Logger, Module } from '@nestjs/common';
import type { BeforeApplicationShutdown, DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { AUTHORIZATION_OPTIONS } from './authorization/authorization-options.js';
import type { AuthorizationOptions } from './authorization/authorization-options.js';
import { ConnectionLimits } from './authorization/connection-limits.js';
import { Leases } from './authorization/leases.js';
import { RecentControlEntries } from './authorization/recent-control-entries.js';
import { Refreshes } from './authorization/refreshes.js';
import { RequestArrivals } from './authorization/request-arrivals.js';
import { Revalidation } from './authorization/revalidation.js';
import { Revocations } from './authorization/revocations.js';
import { TopicPolicies } from './authorization/topic-policies.js';
import { ConnectionHooks } from './connection/connection-hooks.js';
import type { ConnectionObserver } from './connection/connection-observer.js';
import { ConnectionObservers } from './connection/connection-observer.js';
import { CONNECTION_OPTIONS } from './connection/connection-options.js';
import type { ConnectionOptions } from './connection/connection-options.js';
import { Connections } from './connection/connections.js';
import { RouteSetup } from './connection/route-setup.js';
import { DecoratedEvents } from './events/decorated-events.js';
import { EVENT_OPTIONS } from './events/event-options.js';
import { EventListeners } from './events/event-listeners.js';
import type { EventOptions } from './events/event-options.js';
import { EventValidator } from './events/event-validator.js';
import { ConnectionRegistry } from './hub/connection-registry.js';
import { Deadline } from './hub/deadline.js';
import { EventHub } from './hub/event-hub.js';
import { HUB_CONTEXT } from './hub/hub-context.js';
import type { HubContext } from './hub/hub-context.js';
import {
  ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  OPTIONS_TYPE,
} from './sse.module-definition.js';
import { InvalidOptionException } from './options/check-options.js';
import { resolveOptions } from './sse.module-options.js';
import type {
  ResolvedOptions,
  SseModuleOptions,
} from './sse.module-options.js';

const RESOLVED_OPTIONS = Symbol('RESOLVED_OPTIONS');

/** How much of `closeGrace` what hangs may take from the streams, which have the rest to end as they should. */
const WORK_PART = 4 / 5;

/** Looked up with each call, so that a test's own clock counts. */
const uptime = (): number => performance.now();

const NOT_CONFIGURED =
  'SseModule has no options. Use SseModule.forRoot(), not SseModule alone, in the imports of your root module; it is global, so other modules do not import it. With forRootAsync(), return the options from the factory; {} is fine.';

/**
 * Makes `EventHub` injectable everywhere and serves the routes that have `@Sse()`.
 *
 * @example
 * ```ts
 * @Module({ imports: [SseModule.forRoot({ heartbeat: 20_000 })] })
 * class AppModule {}
 * ```
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: RESOLVED_OPTIONS,
      // Not there for `imports: [SseModule]`, of which Nest would only say that it cannot resolve them.
      inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }],
      useFactory: (options?: SseModuleOptions) => {
        if (options === undefined) {
          throw new InvalidOptionException(NOT_CONFIGURED);
        }
        return resolveOptions(options);
      },
    },
    {
      provide: HUB_CONTEXT,
      inject: [
        RESOLVED_OPTIONS,
        ConnectionRegistry,
        TopicPolicies,
        Revocations,
        DecoratedEvents,
      ],
      useFactory: (
        options: ResolvedOptions,
        connections: ConnectionRegistry,
        authorizer: TopicPolicies,
        control: Revocations,
        events: DecoratedEvents,
      ): HubContext => ({
        log: options.log,
        window: options.window,
        connections,
        authorizer,
        events,
        topicsPerStream: options.limits.topicsPerStream,
        presenceGrace: options.presenceGrace,
        control,
        maxEventBytes: options.slowClient.maxPendingBytes,
      }),
    },
    {
      provide: CONNECTION_OPTIONS,
      inject: [RESOLVED_OPTIONS],
      useFactory: ({
        slowClient,
        ...options
      }: ResolvedOptions): ConnectionOptions => ({
        ...options,
        ...slowClient,
        now: Date.now,
        uptime,
        random: Math.random,
      }),
    },
    {
      provide: AUTHORIZATION_OPTIONS,
      inject: [RESOLVED_OPTIONS],
      useFactory: (options: ResolvedOptions): AuthorizationOptions => ({
        ...options,
        now: Date.now,
        uptime,
        random: Math.random,
      }),
    },
    {
      provide: EVENT_OPTIONS,
      inject: [RESOLVED_OPTIONS],
      useFactory: (options: ResolvedOptions): EventOptions => options,
    },
    {
      provide: ConnectionObservers,
      // Who is expired must not take another's place, so leases come before limits.
      inject: [Leases, ConnectionLimits, Revalidation, ConnectionHooks],
      useFactory: (...observers: ConnectionObserver[]) =>
        new ConnectionObservers(observers),
    },
    {
      provide: RecentControlEntries,
      useFactory: () => new RecentControlEntries(uptime),
    },
    Leases,
    ConnectionLimits,
    Revalidation,
    TopicPolicies,
    Refreshes,
    RequestArrivals,
    Revocations,
    ConnectionHooks,
    ConnectionRegistry,
    Connections,
    EventHub,
    EventValidator,
    DecoratedEvents,
    EventListeners,
    RouteSetup,
  ],
  exports: [EventHub, Connections],
})
export class SseModule
  extends ConfigurableModuleClass
  implements BeforeApplicationShutdown
{
  readonly #logger = new Logger('SseModule');

  constructor(
    private readonly hub: EventHub,
    private readonly connections: Connections,
    private readonly listeners: EventListeners,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    super();
  }

  /** @param options checked at start; all have defaults */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }

  /** @param options `imports`, `inject` and one of `useFactory`, `useClass`, `useExisting` */
  static override forRootAsync(
    options: typeof ASYNC_OPTIONS_TYPE,
  ): DynamicModule {
    return super.forRootAsync(options);
  }

  /**
   * After `onModuleDestroy`, in which services may still publish, and before the server
   * closes, which would wait for open streams.
   *
   * @internal
   */
  async beforeApplicationShutdown(): Promise<void> {
    const { closeGrace } = this.options;
    const deadline = new Deadline(closeGrace);
    const forWork = new Deadline(closeGrace * WORK_PART);
    this.connections.beginToClose();
    // While the hub still takes what they publish.
    await this.listeners.stop(forWork);
    const stopped = this.hub
      .stop(forWork)
      .catch((error: unknown) =>
        this.#logger.error('The hub could not stop as it should', error),
      );
    // A log that takes its time to close must not take that of the streams.
    await forWork.wait(stopped);
    await this.connections.close(deadline);
    await deadline.wait(stopped);
  }
}
