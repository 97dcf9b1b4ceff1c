import { checkpointFrame } from '../../connection/control-frames.js';
import { LazyAbortController } from '../../connection/lazy-abort-controller.js';
import { listenerOf } from '../../connection/request.js';
import type { ConnectionOptions } from '../../connection/connection-options.js';
import { SseConnection } from '../../connection/sse-connection.js';
import type { ServingResponse } from '../../connection/sse-connection.js';

/** Whose connection a test calls a handler with. */
export interface TestConnectionOptions<User = any> {
  /** As the guards would have put it on the request. */
  readonly user?: User;
  /** The cursor that the client comes with. */
  readonly lastEventId?: string;
}

/** The part of a response that a connection without HTTP needs: it can end, and nothing leaves it. */
class NoResponse implements ServingResponse {
  readonly abort = new LazyAbortController();
  readonly congested = false;
  readonly holdsFrames = false;
  /** What a hub stream says of its start goes nowhere, at once. */
  readonly headed = true;
  readonly checkpointFrame = checkpointFrame;
  ended = false;
  revoked = false;
  connection: SseConnection | undefined;

  constructor(private readonly onEnd: () => void) {}

  attached(): void {}
  progress(): void {}
  send(): void {}
  warn(): void {}

  end(reason: string): void {
    if (!this.ended) {
      this.ended = true;
      this.connection!.stop();
      this.abort.abort(reason);
      this.onEnd();
    }
  }

  revoke(reason: string): void {
    this.revoked = true;
    this.end(reason);
  }

  fail(): void {
    this.end('failed');
  }
}

let count = 0;

/**
 * Makes a connection that no client is behind.
 *
 * @param readers of a user's id and roles
 * @param now in milliseconds
 * @param onEnd called when it has ended, with `close()` or by `hub.disconnect`
 */
export function testConnection<User>(
  { user, lastEventId }: TestConnectionOptions<User>,
  readers: Pick<ConnectionOptions, 'userId' | 'roles'>,
  now: number,
  onEnd: (connection: SseConnection<User>) => void,
): SseConnection<User> {
  const response = new NoResponse(() => onEnd(connection));
  const connection = new SseConnection<User>(
    {
      id: `test-${++count}`,
      user,
      listener: listenerOf(user, readers),
      lastEventId,
      openedAt: now,
      arrival: 0,
      request: {},
    },
    response,
  );
  response.connection = connection;
  return connection;
}
