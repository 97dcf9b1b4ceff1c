import type { SchedulerLike } from 'rxjs';
import { isMeant } from '../../authorization/revocations.js';
import type { SseConnection } from '../../connection/sse-connection.js';
import { DecoratedEvents } from '../../events/decorated-events.js';
import { EventValidator } from '../../events/event-validator.js';
import { ConnectionRegistry } from '../../hub/connection-registry.js';
import { CONTROL_TOPIC } from '../../hub/control-entry.js';
import type { ControlListener } from '../../hub/control-entry.js';
import type { HubContext } from '../../hub/hub-context.js';
import type { Timers } from '../../hub/timers.js';
import type { EventLog, LogEntry, LogRecord } from '../../log/event-log.js';
import { MemoryLog } from '../../log/memory/memory-log.js';
import { resolveOptions } from '../../sse.module-options.js';
import { VirtualLog } from './virtual-log.js';

/** What a `TestEventHub` may be told; options of `SseModule.forRoot()` have the same defaults here. */
export interface TestEventHubOptions {
  /**
   * Virtual time: a `TestScheduler` of `rxjs/testing`. What is published reaches subscribers in
   * the same call, and the hub's clock is the scheduler's.
   * @default real time
   */
  readonly scheduler?: SchedulerLike;
  /**
   * As in `SseModule.forRoot()`.
   * @default if class-validator is installed
   */
  readonly validateEvents?: boolean;
  /**
   * As in `SseModule.forRoot()`, in milliseconds.
   * @default 10_000
   */
  readonly presenceGrace?: number;
}

/** Errors that the next records of the application are refused with. */
export type Failures = Error[];

/** What a test hub is made of. */
export interface TestHubContext extends HubContext {
  readonly connections: ConnectionRegistry;
  readonly events: DecoratedEvents;
}

/** @param failures what is to fail; taken out as it does */
export function testHubContext(
  { scheduler, validateEvents, presenceGrace }: TestEventHubOptions,
  failures: Failures,
): TestHubContext {
  const options = resolveOptions({
    ...(validateEvents === undefined ? {} : { validateEvents }),
    ...(presenceGrace === undefined ? {} : { presenceGrace }),
  });
  const connections = new ConnectionRegistry();
  return {
    log: refusing(
      scheduler === undefined ? new MemoryLog() : new VirtualLog(),
      failures,
    ),
    window: options.window,
    connections,
    // Policies are the application's, and asked over HTTP.
    authorizer: { authorize: () => undefined },
    events: new DecoratedEvents(new EventValidator({ validateEvents })),
    topicsPerStream: options.limits.topicsPerStream,
    presenceGrace: options.presenceGrace,
    maxEventBytes: options.slowClient.maxPendingBytes,
    control: controlOf(connections),
    ...(scheduler === undefined ? {} : { clock: clockOf(scheduler) }),
  };
}

function clockOf(scheduler: SchedulerLike): HubContext['clock'] {
  const timers: Timers = {
    later: (action, wait) => {
      const subscription = scheduler.schedule(action, wait);
      return () => subscription.unsubscribe();
    },
    soon: (action) => {
      scheduler.schedule(action);
    },
  };
  return { now: () => scheduler.now(), timers };
}

/** Ends the connections of the test that `hub.disconnect` means. */
function controlOf(connections: ConnectionRegistry): ControlListener {
  return {
    disconnect: (entry) => {
      for (const connection of Array.from(
        connections.values(),
      ) as SseConnection[]) {
        if (isMeant(entry, connection)) {
          connection.revoke(entry.reason);
        }
      }
    },
    // Nobody loads the user anew.
    refresh: () => undefined,
    missed: () => undefined,
  };
}

/** A log that does not take what is to fail, as one whose engine is away. */
function refusing<Log extends EventLog>(log: Log, failures: Failures): Log {
  const fail = (records: readonly LogRecord[]) => {
    if (records.some(({ topic }) => topic !== CONTROL_TOPIC)) {
      const error = failures.shift();
      if (error !== undefined) {
        throw error;
      }
    }
  };
  const append = log.append.bind(log);
  const signal = log.signal.bind(log);
  return Object.assign(log, {
    append: async (
      records: readonly LogRecord[],
    ): Promise<readonly LogEntry[]> => {
      fail(records);
      return append(records);
    },
    signal: async (records: readonly LogRecord[]): Promise<void> => {
      fail(records);
      return signal(records);
    },
  });
}
