import type { Cursor } from '../log/cursor.js';
import type { Reset } from '../hub/stream-connection.js';
import type { Frame } from './frame.js';
import { encodeFrame } from './frame.js';

/** What keeps a quiet stream open: a comment, which clients ignore and which has no id. */
export const HEARTBEAT = encodeFrame({ comment: '' });

/** The handler's observable has completed: a page may close its EventSource. */
export const COMPLETE = encodeFrame({ type: 'hub.complete', data: '{}' });

/** How long the client waits before it reconnects, in milliseconds. */
export function retryFrame(retry: number): Frame {
  return encodeFrame({ retry });
}

/**
 * Moves the client's cursor and shows the app nothing. It is a named event with data,
 * because Firefox ignores a block that has only an id.
 */
export function checkpointFrame(id: Cursor): Frame {
  return encodeFrame({ type: 'hub.checkpoint', id, data: '{}' });
}

/** History between the client's cursor and `id` is gone. */
export function resetFrame(id: Cursor, reset: Reset): Frame {
  return encodeFrame({ type: 'hub.reset', id, data: JSON.stringify(reset) });
}

/**
 * The stream failed. `id` is the event that could not be processed and is not sent
 * again; without one the failure was no event's.
 */
export function errorFrame(message: string, id: Cursor | undefined): Frame {
  return encodeFrame({
    type: 'hub.error',
    id,
    data: JSON.stringify({ message, skipped: id !== undefined }),
  });
}

/**
 * The server ended the stream, for a reason; `id` if it did so while it processed an
 * event, which would end the next stream too if it was sent again. `retry`: how long the
 * client is to stay away, in milliseconds.
 */
export function closedFrame(
  reason: string,
  id?: Cursor,
  retry?: number,
): Frame {
  return encodeFrame({
    type: 'hub.closed',
    id,
    retry,
    data: JSON.stringify({ reason }),
  });
}
