import type { SseTestEvent } from './sse-test-event.js';

/** How a stream ended, as far as its client can tell. */
export interface StreamEnd {
  /**
   * - `complete`: `hub.complete`, the handler's observable has completed
   * - `closed`: `hub.closed`, the server has ended it for a `reason`
   * - `error`: `hub.error`, it failed
   * - `ended`: the response ended, without a word; so does an application that shuts down
   * - `cut`: the connection broke in the middle of the response
   * - `dropped`: the test did it, by `dropConnection()` or `close()`
   */
  readonly how: 'complete' | 'closed' | 'error' | 'ended' | 'cut' | 'dropped';
  /** The reason of `hub.closed`, or the message of `hub.error`. */
  readonly reason?: string;
  /** Whether the response ended as HTTP has it, and was not cut off. */
  readonly clean: boolean;
}

/**
 * @param last the last event of the response
 * @param isWhole whether the response came to its end
 */
export function streamEnd(
  last: SseTestEvent | undefined,
  isWhole: boolean,
): StreamEnd {
  const clean = isWhole;
  switch (last?.type) {
    case 'hub.complete':
      return { how: 'complete', clean };
    case 'hub.closed':
      return { how: 'closed', reason: last.data.reason, clean };
    case 'hub.error':
      return { how: 'error', reason: last.data.message, clean };
    default:
      return { how: isWhole ? 'ended' : 'cut', clean };
  }
}

/** For messages. */
export function describeEnd({ how, reason }: StreamEnd): string {
  switch (how) {
    case 'complete':
      return 'has completed (hub.complete)';
    case 'closed':
      return `was closed by the server (hub.closed, ${reason})`;
    case 'error':
      return `has failed (hub.error, ${reason})`;
    case 'ended':
      return 'has ended';
    case 'cut':
      return 'was cut';
    case 'dropped':
      return 'was dropped by the test';
  }
}
