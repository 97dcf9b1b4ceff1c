import { HttpException, Inject, Injectable, Logger } from '@nestjs/common';
import type { Admission } from '../connection/admission.js';
import { Connections } from '../connection/connections.js';
import type { SseConnection } from '../connection/sse-connection.js';
import type {
  ControlEntry,
  ControlListener,
  Disconnect,
  Refresh,
} from '../hub/control-entry.js';
import { RecentControlEntries } from './recent-control-entries.js';
import { Refreshes } from './refreshes.js';
import { RequestArrivals } from './request-arrivals.js';
import { revoke } from './revoke.js';

/**
 * Acts on `hub.disconnect` and `hub.refresh` in the turn in which this node meets them in
 * the log, so that no later entry has been handed on, and once more for connections that
 * were on their way then.
 */
@Injectable()
export class Revocations implements ControlListener, Admission {
  readonly #logger = new Logger('SseModule');
  /** Of connections whose policies are asked again, what was asked last. */
  readonly #asked = new WeakMap<SseConnection, Promise<void>>();

  constructor(
    @Inject(Connections) private readonly connections: Connections,
    @Inject(RecentControlEntries) private readonly recent: RecentControlEntries,
    @Inject(RequestArrivals) private readonly arrivals: RequestArrivals,
    @Inject(Refreshes) private readonly refreshes: Refreshes,
  ) {
    connections.useAdmission(this);
  }

  disconnect(entry: Disconnect): void {
    this.recent.add(entry);
    const candidates =
      entry.user === undefined
        ? this.connections.all()
        : this.connections.ofUser(entry.user);
    for (const connection of candidates) {
      if (isMeant(entry, connection)) {
        revoke(connection, entry.reason, this.#logger);
      }
    }
  }

  refresh(entry: Refresh): void {
    this.recent.add(entry);
    this.refreshes.begin(entry.user, this.connections.ofUser(entry.user));
  }

  /**
   * Ends whoever is known to the guards, which decide anew when the client comes back: a lost
   * entry may have said that a session is over, a role is gone or a topic is closed, and only
   * they know. For who is nobody in particular the policies are asked again.
   */
  missed(): void {
    this.recent.missed();
    for (const connection of this.connections.all()) {
      const { user } = connection;
      if (user !== undefined && user !== null) {
        revoke(connection, 'unavailable', this.#logger);
      } else {
        this.#ask(connection);
      }
    }
  }

  arrivalOf(request: object): number {
    return this.arrivals.of(request);
  }

  created(connection: SseConnection): void {
    const entries = this.recent.since(connection.arrival);
    if (entries === undefined) {
      connection.revoke('unavailable');
    } else if (
      !this.#end(connection, entries) &&
      wasRefreshed(connection, entries)
    ) {
      // The guards may have seen the user of before.
      this.refreshes.begin(connection.listener.userId!, [connection]);
    }
  }

  attached(connection: SseConnection, isFirst: boolean): void {
    const entries = this.recent.since(connection.arrival);
    if (entries !== undefined) {
      this.#end(connection, entries);
    } else if (isFirst) {
      connection.revoke('unavailable');
    }
  }

  /** Asks the policies again, and lets nothing out until they have answered. */
  #ask(connection: SseConnection): void {
    try {
      const asked = connection.authorize();
      if (asked !== undefined) {
        connection.suspend();
        this.#asked.set(connection, asked);
        asked
          // Asked once more meanwhile, it waits for that answer.
          .then(
            () => this.#asked.get(connection) === asked && connection.resume(),
          )
          .catch((error: unknown) => this.#deny(connection, error));
      }
    } catch (error) {
      this.#deny(connection, error);
    }
  }

  #deny(connection: SseConnection, error: unknown): void {
    const isRefusal = error instanceof HttpException && error.getStatus() < 500;
    if (!isRefusal) {
      this.#logger.error(`Cannot authorize connection ${connection.id}`, error);
    }
    const reason = isRefusal ? 'revoked' : 'unavailable';
    revoke(connection, reason, this.#logger);
  }

  /** Ends a connection that one of the entries means. */
  #end(connection: SseConnection, entries: readonly ControlEntry[]): boolean {
    for (const entry of entries) {
      if (entry.type === 'hub.disconnect' && isMeant(entry, connection)) {
        connection.revoke(entry.reason);
        return true;
      }
    }
    return false;
  }
}

/** Whether a `hub.disconnect` means a connection. */
export function isMeant(
  { user, connection: id, topic }: Disconnect,
  connection: Pick<SseConnection, 'id' | 'listener' | 'coversTopic'>,
): boolean {
  return (
    (user === undefined || user === connection.listener.userId) &&
    (id === undefined || id === connection.id) &&
    (topic === undefined || connection.coversTopic(topic))
  );
}

function wasRefreshed(
  { listener: { userId } }: SseConnection,
  entries: readonly ControlEntry[],
): boolean {
  return entries.some(
    (entry) => entry.type === 'hub.refresh' && entry.user === userId,
  );
}
