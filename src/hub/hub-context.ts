import type { EventLog } from '../log/event-log.js';
import type { ConnectionRegistry } from './connection-registry.js';
import type { ControlListener } from './control-entry.js';
import type { StreamAuthorizer } from './stream-authorizer.js';
import type { WindowOptions } from './window.js';

/** What a hub is made of. */
export interface HubContext {
  readonly log: EventLog;
  readonly window: WindowOptions;
  readonly connections: ConnectionRegistry;
  /** The largest data of an event, in bytes of JSON. */
  readonly maxEventBytes: number;
  /** Who acts on `hub.disconnect` and `hub.refresh`. */
  readonly control?: ControlListener;
  /** Who decides which streams a connection may have; left out: every one. */
  readonly authorizer?: StreamAuthorizer;
}

/** Injection token of the `HubContext`. */
export const HUB_CONTEXT = Symbol('HUB_CONTEXT');
