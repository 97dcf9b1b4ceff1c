import type { SseConnection } from './sse-connection.js';

/**
 * Who looks after connections that guards let through before something was decided about
 * them, and that open after it.
 */
export interface Admission {
  /** What a request arrived behind: how many decisions this node had met by then. */
  arrivalOf(request: object): number;
  /** A connection was made of a request. */
  created(connection: SseConnection): void;
  /**
   * A hub stream was given to a connection.
   * @param isFirst whether it is the connection's first one
   */
  attached(connection: SseConnection, isFirst: boolean): void;
}

/** Nothing is ever decided. */
export const ADMITS_ALL: Admission = {
  arrivalOf: () => 0,
  created: () => undefined,
  attached: () => undefined,
};
