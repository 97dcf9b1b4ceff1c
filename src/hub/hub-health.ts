import type { Cursor } from '../log/cursor.js';
import type { LogHealth } from '../log/event-log.js';

/** How a hub is, as `hub.health()` tells it. */
export interface HubHealth {
  /** `up`: this node dispatches, and the log's engine answers. */
  readonly status: 'up' | 'down';
  /**
   * `started` from when the window is filled, which is before the application listens, until
   * the application closes. It stays so while the engine is away: streams are served.
   */
  readonly state: 'starting' | 'started' | 'stopped';
  /** What the log says of its engine, with the reason when it is down. */
  readonly log: LogHealth;
  /**
   * The newest event that this node has dispatched; `undefined` until it has started. Of two
   * nodes of one log, the one with the lower position is behind.
   */
  readonly position: Cursor | undefined;
  /**
   * Streams that wait for the log, because their clients need history older than this node's window. They
   * are open, and get heartbeats.
   */
  readonly waiting: number;
}
