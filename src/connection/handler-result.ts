import { Observable, isObservable } from 'rxjs';
import type { Subscriber } from 'rxjs';
import { isListen } from '../hub/listen-mark.js';
import { SseRouteException } from './connection.exceptions.js';
import type { SseConnection } from './sse-connection.js';

/**
 * The stream that a handler's result is.
 * @throws SseRouteException when it is none for a client
 */
export function toStream(
  connection: SseConnection,
  result: unknown,
): Observable<unknown> {
  if (isObservable(result)) {
    if (isListen(result)) {
      throw new SseRouteException(
        'A handler returned hub.listen(), which is for server code: it has no cursor and is not limited to what its user may see. Return hub.stream({ …, for: connection }).',
      );
    }
    return result;
  }
  if (isAsyncIterable(result)) {
    return fromAsyncIterable(connection, result);
  }
  throw new SseRouteException(
    'A handler with @Sse() must return an Observable, a promise of one, or an async iterable.',
  );
}

/**
 * Pulls the next value when the client has taken the last ones, and returns the iterator
 * when the stream ends. (RxJS's `from` does neither.)
 */
function fromAsyncIterable(
  connection: SseConnection,
  iterable: AsyncIterable<unknown>,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const iterator = iterable[Symbol.asyncIterator]();
    pull(connection, iterator, subscriber).catch((error: unknown) =>
      subscriber.error(error),
    );
    return () => {
      Promise.resolve(iterator.return?.()).catch(() => undefined);
    };
  });
}

async function pull(
  connection: SseConnection,
  iterator: AsyncIterator<unknown>,
  subscriber: Subscriber<unknown>,
): Promise<void> {
  while (!subscriber.closed) {
    const { done, value } = await iterator.next();
    if (done) {
      return subscriber.complete();
    }
    subscriber.next(value);
    if (connection.congested && !subscriber.closed) {
      await new Promise<void>((resolve) => connection.whenWritable(resolve));
    }
  }
}

/** Whether a handler's result is still to come. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | undefined)?.then === 'function';
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof (value as AsyncIterable<unknown> | undefined)?.[
      Symbol.asyncIterator
    ] === 'function'
  );
}
