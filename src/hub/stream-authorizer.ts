import type { Selection } from './selection.js';
import type { StreamConnection } from './stream-connection.js';

/** Decides which streams a connection may have. */
export interface StreamAuthorizer {
  /**
   * Returns, or resolves, when the connection may have the stream. It is asked before the
   * stream reads anything, and again when what the user may see could have changed.
   * What is known at once is answered at once.
   *
   * @throws what the request or the stream fails with, if it may not;
   * AuthorizationTimeoutException if it cannot be said in time
   */
  authorize(
    connection: StreamConnection,
    selection: Pick<Selection, 'topics' | 'patterns'>,
  ): void | Promise<void>;
}
