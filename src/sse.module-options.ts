import type { ExecutionContext } from '@nestjs/common';
import { jwtExpiry } from './authorization/lease.js';
import type { SseConnection } from './connection/sse-connection.js';
import {
  requestUser,
  rolesReader,
  userIdReader,
} from './connection/user-readers.js';
import type { WindowOptions } from './hub/window.js';
import { WINDOW_DEFAULTS } from './hub/window.js';
import type { EventLog } from './log/event-log.js';
import { MemoryLog } from './log/memory/memory-log.js';
import {
  InvalidOptionException,
  checkOptions,
} from './options/check-options.js';
import type { OptionRules } from './options/check-options.js';

/** How a client is treated that reads more slowly than events arrive. */
export interface SlowClientOptions {
  /**
   * Bytes that may wait for one client. Past a quarter of it, a hub stream is read from the
   * log again at the client's pace; a connection with more that cannot be read again is cut. It is
   * also the largest data of one event, as JSON.
   * @default 1_048_576 (1 MiB)
   */
  maxPendingBytes?: number;
  /**
   * How long a client may take nothing of what waits for it before it is cut, in
   * milliseconds. It comes back by its cursor.
   * @default 30_000
   */
  stallTimeout?: number;
}

/** What is refused because it is too much. `Infinity` lifts a limit of connections. */
export interface LimitOptions {
  /**
   * Connections of a node. Who comes when it is full is told to come back after
   * `limits.retry` (`event: hub.closed`, `overloaded`), without its handler having run.
   * @default 50_000
   */
  connections?: number;
  /**
   * Connections of a user on a node. One more closes the user's oldest (`replaced`). Users
   * without an id have no limit.
   * @default 32
   */
  connectionsPerUser?: number;
  /**
   * Topics and patterns of one stream. `hub.stream` and `connection.join` refuse more.
   * @default 256
   */
  topicsPerStream?: number;
  /**
   * How long a client that was closed by a limit waits before it reconnects, in milliseconds.
   * Each is told this time and up to half as much again. Not less than `retry`.
   * @default 60_000, or `retry` if that is longer
   */
  retry?: number;
}

/** Options of `SseModule.forRoot()`. Durations are in milliseconds. */
export interface SseModuleOptions {
  /**
   * Where events are kept.
   * @default new MemoryLog()
   */
  log?: EventLog;
  /**
   * Newest events kept in memory in front of the log, for replays.
   */
  window?: WindowOptions;
  /**
   * After how much silence a stream gets a comment or a checkpoint. Proxies cut idle streams
   * after 60 s (nginx, AWS ALB) or 100 s (Cloudflare).
   * @default 15_000
   */
  heartbeat?: number;
  /**
   * How long clients wait before they reconnect. Each is told this time and up to half as
   * much again, so that they do not all come back at once.
   * @default 3_000
   */
  retry?: number;
  /** How slow clients are treated. */
  slowClient?: SlowClientOptions;
  /**
   * How long `app.close()` waits, in milliseconds and in all: for `@OnSseEvent()` methods at work,
   * then for the log to take what it was given, then for bytes to leave before it destroys
   * connections. The last has a fifth of it at least, whatever the others took.
   * @default 5_000
   */
  closeGrace?: number;
  /**
   * Finds the user of a request.
   * @default `request.user`
   */
  user?: (context: ExecutionContext) => unknown;
  /**
   * A user's id, to which events published with `users` are addressed.
   * @default `user.id`, else `user.userId`, else `user.sub`; a warning if there is none
   */
  userId?: (user: any) => string | number | bigint | undefined;
  /**
   * A user's roles, to which events published with `roles` are addressed.
   * @default `user.roles`; a warning if that is no array of strings
   */
  roles?: (user: any) => readonly string[] | undefined;
  /**
   * Loads a user anew, by the id that `userId` gave, as a string. `hub.refresh` asks it once on
   * every node on which the user has a connection. What it returns takes the place of
   * what the guards put on the request; nothing, or a user with another id, ends the
   * user's streams.
   * @default the user stays as the guards put it on the request; roles and policies are asked again
   */
  loadUser?: (userId: string) => unknown;
  /**
   * Whether a stream may ask for a topic or pattern that no `@TopicPolicy()` is concerned
   * with. Topics are named by handlers, not by clients; `'deny'` is for apps in which every
   * topic is to have a policy.
   * @default 'allow'
   */
  unlistedTopics?: 'allow' | 'deny';
  /**
   * Until when a user's authorization holds. The stream ends then with `event: hub.closed`,
   * `expired`: never later, and for some a little earlier, so that sessions that expire
   * together do not come back together (by up to a tenth of the remaining time, no more than
   * 30 seconds, and the rest of a second).
   * `undefined`: it does not end. Called when a connection comes with a user, and when `hub.refresh`
   * has loaded the user anew: one without a lease leaves the connection the lease that it has.
   * @default `exp` of a JWT's payload, in seconds since 1970, if the user has it; another `exp` is
   * refused with InvalidLeaseException
   */
  leaseUntil?: (user: any) => Date | null | undefined;
  /**
   * Asked every `revalidateEvery` whether a connection may stay. Anything but `true`, an
   * error, or no answer within `authorizationTimeout` ends the stream with `event: hub.closed`,
   * `revoked`.
   * @default not asked
   */
  revalidate?: (connection: SseConnection) => boolean | Promise<boolean>;
  /**
   * How often a connection is revalidated, in milliseconds. The first time comes at random
   * within it.
   * @default 60_000
   */
  revalidateEvery?: number;
  /**
   * How many connections a node revalidates at once.
   * @default 16
   */
  revalidateConcurrency?: number;
  /**
   * How long a question of authorization may take, in milliseconds: of a policy,
   * `loadUser` or `revalidate`. A client that gets no answer of a policy in time is told to come back.
   * @default 10_000
   */
  authorizationTimeout?: number;
  /** What is refused because it is too much. */
  limits?: LimitOptions;
  /**
   * How long a user may be away from a topic before `hub.presence$` says `left`, in
   * milliseconds: a reconnect is no leaving.
   * @default 10_000
   */
  presenceGrace?: number;
  /**
   * Whether `hub.publish` validates instances of classes with `@SseEvent()` by class-validator's
   * rules. With `true` the application does not start without class-validator.
   * @default if class-validator is installed
   */
  validateEvents?: boolean;
}

/** The options with every default filled in. */
export type ResolvedOptions = Required<
  Omit<
    SseModuleOptions,
    | 'slowClient'
    | 'window'
    | 'limits'
    | 'revalidate'
    | 'loadUser'
    | 'validateEvents'
  >
> & {
  readonly limits: Required<LimitOptions>;
  readonly revalidate: SseModuleOptions['revalidate'];
  readonly loadUser: SseModuleOptions['loadUser'];
  readonly validateEvents: SseModuleOptions['validateEvents'];
  readonly window: Required<WindowOptions>;
  readonly slowClient: Required<SlowClientOptions>;
};

/** Longer timers fire at once (Node's documentation of `setTimeout`). */
const MAX_DURATION = 2 ** 31 - 1;

const LOG_METHODS = [
  'open',
  'append',
  'signal',
  'tail',
  'read',
  'readBack',
  'bounds',
  'health',
  'close',
] as const;

const RULES: OptionRules = {
  log: {
    type: 'instance',
    is: (log) =>
      LOG_METHODS.every(
        (method) =>
          typeof (log as Record<string, unknown>)?.[method] === 'function',
      ),
    hint: 'an EventLog, such as new MemoryLog()',
  },
  window: {
    type: 'object',
    of: {
      events: { type: 'integer', min: 1 },
      bytes: { type: 'integer', min: 1 },
    },
  },
  heartbeat: { type: 'number', min: 100, max: MAX_DURATION },
  retry: { type: 'number', min: 0, max: MAX_DURATION },
  slowClient: {
    type: 'object',
    of: {
      maxPendingBytes: { type: 'integer', min: 4_096 },
      stallTimeout: { type: 'number', min: 100, max: MAX_DURATION },
    },
  },
  closeGrace: { type: 'number', min: 0, max: MAX_DURATION },
  user: { type: 'function' },
  userId: { type: 'function' },
  roles: { type: 'function' },
  loadUser: { type: 'function' },
  unlistedTopics: { type: 'enum', of: ['allow', 'deny'] },
  leaseUntil: { type: 'function' },
  revalidate: { type: 'function' },
  revalidateEvery: { type: 'number', min: 100, max: MAX_DURATION },
  revalidateConcurrency: { type: 'integer', min: 1 },
  authorizationTimeout: { type: 'number', min: 1, max: MAX_DURATION },
  limits: {
    type: 'object',
    of: {
      connections: { type: 'integer', min: 1, orInfinity: true },
      connectionsPerUser: { type: 'integer', min: 1, orInfinity: true },
      topicsPerStream: { type: 'integer', min: 1 },
      retry: { type: 'number', min: 0, max: MAX_DURATION },
    },
  },
  presenceGrace: { type: 'number', min: 0, max: MAX_DURATION },
  validateEvents: { type: 'boolean' },
};

/**
 * Checks the options of `forRoot` and fills in the defaults.
 *
 * @throws InvalidOptionException
 */
export function resolveOptions(options: SseModuleOptions): ResolvedOptions {
  checkOptions('SseModule', options, RULES);
  const retry = options.retry ?? 3_000;
  const resolved: ResolvedOptions = {
    log: options.log ?? new MemoryLog(),
    window: {
      events: options.window?.events ?? WINDOW_DEFAULTS.events,
      bytes: options.window?.bytes ?? WINDOW_DEFAULTS.bytes,
    },
    heartbeat: options.heartbeat ?? 15_000,
    retry,
    slowClient: {
      maxPendingBytes: options.slowClient?.maxPendingBytes ?? 1024 * 1024,
      stallTimeout: options.slowClient?.stallTimeout ?? 30_000,
    },
    closeGrace: options.closeGrace ?? 5_000,
    user: options.user ?? requestUser,
    userId: options.userId ?? userIdReader(),
    roles: options.roles ?? rolesReader(),
    loadUser: options.loadUser,
    unlistedTopics: options.unlistedTopics ?? 'allow',
    leaseUntil: options.leaseUntil ?? jwtExpiry,
    revalidate: options.revalidate,
    revalidateEvery: options.revalidateEvery ?? 60_000,
    revalidateConcurrency: options.revalidateConcurrency ?? 16,
    authorizationTimeout: options.authorizationTimeout ?? 10_000,
    limits: {
      connections: options.limits?.connections ?? 50_000,
      connectionsPerUser: options.limits?.connectionsPerUser ?? 32,
      topicsPerStream: options.limits?.topicsPerStream ?? 256,
      retry: options.limits?.retry ?? Math.max(60_000, retry),
    },
    presenceGrace: options.presenceGrace ?? 10_000,
    validateEvents: options.validateEvents,
  };
  refuseContradictions(options, resolved);
  return resolved;
}

function refuseContradictions(
  options: SseModuleOptions,
  resolved: ResolvedOptions,
): void {
  const { maxPendingBytes } = resolved.slowClient;
  if (resolved.window.bytes < maxPendingBytes) {
    throw new InvalidOptionException(
      `SseModule: "window.bytes" is ${resolved.window.bytes}, less than "slowClient.maxPendingBytes" (${maxPendingBytes}): one event could fill the window. Raise the one or lower the other.`,
    );
  }
  for (const name of ['revalidateEvery', 'revalidateConcurrency'] as const) {
    if (options[name] !== undefined && options.revalidate === undefined) {
      throw new InvalidOptionException(
        `SseModule: "${name}" is ${options[name]}, but there is no "revalidate", so nothing would be asked. Give "revalidate" or leave "${name}" out.`,
      );
    }
  }
  if (resolved.limits.retry < resolved.retry) {
    throw new InvalidOptionException(
      `SseModule: "limits.retry" is ${resolved.limits.retry}, less than "retry" (${resolved.retry}): clients that are too many would come back sooner than others. Raise the one or lower the other.`,
    );
  }
}
