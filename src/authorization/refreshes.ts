import { HttpException, Inject, Injectable, Logger } from '@nestjs/common';
import { CONNECTION_OPTIONS } from '../connection/connection-options.js';
import type { ConnectionOptions } from '../connection/connection-options.js';
import { listenerOf } from '../connection/request.js';
import type { SseConnection } from '../connection/sse-connection.js';
import { Leases } from './leases.js';
import { revoke } from './revoke.js';
import { withinLimit } from './time-limit.js';

/** Connections of one user whose streams are suspended until the user is loaded. */
type Waiting = Set<SseConnection>;

/** What a refresh has found out about a user. */
interface Loaded {
  /** `undefined` without `loadUser`: each connection keeps its own. */
  readonly user?: unknown;
}

/**
 * Loads users anew whose streams were suspended, asks roles and policies again, and lets
 * the streams go on or ends them. One load at a time for each user: a refresh that
 * arrives meanwhile is answered by the next.
 */
@Injectable()
export class Refreshes {
  readonly #logger = new Logger('SseModule');
  readonly #waiting = new Map<string, Waiting>();

  constructor(
    @Inject(CONNECTION_OPTIONS) private readonly options: ConnectionOptions,
    @Inject(Leases) private readonly leases: Leases,
  ) {}

  /** Suspends connections of a user here and now, and begins to load the user. */
  begin(userId: string, connections: readonly SseConnection[]): void {
    connections.forEach((connection) => connection.suspend());
    const waiting = this.#waiting.get(userId);
    if (waiting !== undefined) {
      connections.forEach((connection) => waiting.add(connection));
    } else if (connections.length > 0) {
      const first: Waiting = new Set(connections);
      this.#waiting.set(userId, first);
      this.#run(userId, first).catch((error: unknown) =>
        this.#logger.error(`hub.refresh of user ${userId} failed`, error),
      );
    }
  }

  async #run(userId: string, waiting: Waiting): Promise<void> {
    try {
      while (waiting.size > 0) {
        const connections = [...waiting];
        waiting.clear();
        const loaded = await this.#load(userId);
        await Promise.all(
          connections.map((connection) =>
            this.#decide(userId, connection, loaded, waiting).catch((error) => {
              // A stream that stayed suspended would be silent for ever.
              this.#logger.error(`hub.refresh of user ${userId} failed`, error);
              revoke(connection, 'unavailable', this.#logger);
            }),
          ),
        );
      }
    } finally {
      // In the turn in which none waited any more: who comes later begins anew.
      this.#waiting.delete(userId);
    }
  }

  /** @returns `'unavailable'` when there was no answer */
  async #load(userId: string): Promise<Loaded | 'unavailable'> {
    const { loadUser, authorizationTimeout } = this.options;
    if (loadUser === undefined) {
      return {};
    }
    try {
      const user = await withinLimit(
        Promise.resolve(userId).then(loadUser),
        authorizationTimeout,
        `loadUser of user ${userId}`,
      );
      return { user: user ?? null };
    } catch (error) {
      this.#logger.error(`hub.refresh: cannot load user ${userId}`, error);
      return 'unavailable';
    }
  }

  async #decide(
    userId: string,
    connection: SseConnection,
    loaded: Loaded | 'unavailable',
    waiting: Waiting,
  ): Promise<void> {
    // In `waiting` again, it was refreshed meanwhile: the next load decides.
    if (waiting.has(connection) || connection.response.ended) {
      return;
    }
    const denied =
      loaded === 'unavailable'
        ? loaded
        : await this.#renew(userId, connection, loaded);
    if (waiting.has(connection)) {
      return;
    }
    if (denied === undefined) {
      connection.resume();
    } else {
      connection.revoke(denied);
    }
  }

  /**
   * Gives a connection its new user, and asks the policies.
   * @returns why it has to end, if it has to
   */
  async #renew(
    userId: string,
    connection: SseConnection,
    { user = connection.user }: Loaded,
  ): Promise<'revoked' | 'expired' | 'unavailable' | undefined> {
    const listener = listenerOf(user, this.options);
    if (listener.userId !== userId) {
      return 'revoked';
    }
    connection.renew(user, listener);
    if (this.leases.created(connection.response) !== undefined) {
      return 'expired';
    }
    try {
      await connection.authorize();
      return undefined;
    } catch (error) {
      if (error instanceof HttpException && error.getStatus() < 500) {
        return 'revoked';
      }
      this.#logger.error(
        `hub.refresh: cannot authorize connection ${connection.id} of user ${userId}`,
        error,
      );
      return 'unavailable';
    }
  }
}
