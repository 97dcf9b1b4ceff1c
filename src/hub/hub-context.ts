import type { EventLog } from '../log/event-log.js';
import type { ConnectionRegistry } from './connection-registry.js';
import type { ControlListener } from './control-entry.js';
import type { EventReader } from './event-class.js';
import type { StreamAuthorizer } from './stream-authorizer.js';
import type { Timers } from './timers.js';
import type { WindowOptions } from './window.js';

/** What a hub is made of. */
export interface HubContext {
  readonly log: EventLog;
  readonly window: WindowOptions;
  readonly connections: ConnectionRegistry;
  /** Whether a connection may have a stream. */
  readonly authorizer: StreamAuthorizer;
  /** What is published and selected by classes. */
  readonly events: EventReader;
  /** The most topics and patterns of one stream. */
  readonly topicsPerStream: number;
  /** How long a user may be away before it counts as having left, in milliseconds. */
  readonly presenceGrace: number;
  /** The largest data of an event, in bytes of JSON. */
  readonly maxEventBytes: number;
  /** What the hub's own waits run on, if it is not real time. */
  readonly clock?: {
    /** In milliseconds; never set. */
    readonly now: () => number;
    readonly timers: Timers;
  };
  /** Who acts on `hub.disconnect` and `hub.refresh`. */
  readonly control?: ControlListener;
}

/** Injection token of the `HubContext`. */
export const HUB_CONTEXT = Symbol('HUB_CONTEXT');
