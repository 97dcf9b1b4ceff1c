import { ServerResponse } from 'node:http';
import type { Frame } from './frame.js';
import type { RawResponse } from './raw-response.js';
import type { ResponseHost } from './response-host.js';
import type { ResponseWriter } from './response-writer.js';

const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['Content-Type', 'text/event-stream'],
  // no-transform: a compressing proxy or middleware would hold events back.
  ['Cache-Control', 'no-cache, no-store, no-transform'],
  // nginx buffers responses unless told otherwise (proxy_buffering).
  ['X-Accel-Buffering', 'no'],
];

/**
 * Writes status and headers, on top of those that are set already, and the first frames
 * in the same write. A HEAD request gets no more than that: its response is ended here,
 * because Node would keep it open.
 */
export function writeHead(
  response: RawResponse,
  writer: ResponseWriter,
  first: readonly Frame[],
  host: Pick<ResponseHost, 'closing' | 'uncorkLater'>,
): void {
  for (const [name, value] of HEADERS) {
    response.setHeader(name, value);
  }
  response.removeHeader('Content-Length');
  const { socket } = response;
  if (!(response instanceof ServerResponse)) {
    // HTTP/2: the socket is the session's, and Connection is forbidden (RFC 9113, 8.2.2).
    response.writeHead(response.statusCode);
  } else {
    if (response.req.httpVersion === '1.1') {
      response.setHeader('Connection', host.closing ? 'close' : 'keep-alive');
    }
    response.writeHead(response.statusCode);
    socket?.setTimeout(0);
    socket?.cork();
  }
  if (response.req.method === 'HEAD') {
    response.end();
  } else {
    writer.attach(response, first);
  }
  if (socket !== null && response instanceof ServerResponse) {
    host.uncorkLater(socket);
  }
}

/** Takes back what only the head of a stream says: the request is answered otherwise. */
export function takeBackHead(response: RawResponse): void {
  for (const [name] of HEADERS) {
    response.removeHeader(name);
  }
  response.removeHeader('Connection');
}
