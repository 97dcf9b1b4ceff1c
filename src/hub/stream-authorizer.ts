import type { Selection } from './selection.js';
import type { StreamConnection } from './stream-connection.js';

/** Who decides whether a connection may have the stream that it asks for. */
export interface StreamAuthorizer {
  /**
   * @throws what says no: an HttpException below 500 is a decision, everything else
   * means that it could not be decided
   */
  authorize(
    connection: StreamConnection,
    selection: Selection,
  ): void | Promise<void>;
}
