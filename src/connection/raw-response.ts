import { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';

/** A response of `node:http` or of `node:http2`'s compatibility API. */
export type RawResponse = ServerResponse | Http2ServerResponse;

/** Whether the client has left already, so that no `close` will tell. */
export function hasLeft(raw: RawResponse): boolean {
  return raw instanceof ServerResponse
    ? raw.destroyed || raw.req.socket.destroyed
    : raw.stream.destroyed;
}

/** Calls back when the client has left or the response was sent. */
export function onGone(raw: RawResponse, callback: () => void): void {
  raw.on('close', callback);
  if (raw instanceof ServerResponse && raw.socket === null) {
    // A response that has not had its turn on the connection (pipelining) is not told.
    raw.req.socket.once('close', callback);
  }
}

/**
 * Bytes that the operating system has not taken. Unlike `writableLength` it falls while one
 * large write is under way.
 */
export function unsentBytes(raw: RawResponse | undefined): number {
  if (!(raw instanceof ServerResponse)) {
    return raw?.writableLength ?? 0;
  }
  const { socket } = raw as {
    socket: { _handle?: { writeQueueSize?: number } | null } | null;
  };
  return socket?._handle?.writeQueueSize ?? raw.writableLength;
}

/** Lets go what is held back until the end of the turn. */
export function uncork(raw: RawResponse | undefined): void {
  if (raw instanceof ServerResponse) {
    raw.socket?.uncork();
  }
}

/** Whether bytes that were written have not left this process. */
export function holdsBytes(raw: RawResponse | undefined): boolean {
  return raw !== undefined && (unsentBytes(raw) > 0 || raw.writableLength > 0);
}

/** Resolves when the response was sent or the client has left. */
export function whenGone(raw: RawResponse | undefined): Promise<void> {
  return raw === undefined || raw.destroyed || raw.closed
    ? Promise.resolve()
    : new Promise((resolve) => raw.once('close', resolve));
}

/** Closes the connection behind a response, because the server goes. */
export function closeConnectionAfter(raw: RawResponse | undefined): void {
  if (raw instanceof ServerResponse) {
    // Kept alive, it would carry the reconnect to a server that is half closed.
    raw.once('finish', () => raw.req.socket.destroySoon());
  } else {
    raw?.stream.session?.close();
  }
}
