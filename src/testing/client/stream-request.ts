import type { Origin } from './app-under-test.js';
import type { ExchangeRequest } from './exchange.js';
import { SseTestException } from './sse-test.exceptions.js';

/** What a client asks with. */
export interface SseTestClientOptions {
  /** @default 'GET', or 'POST' with a body */
  readonly method?: string;
  /** Headers besides `Accept` and `Last-Event-ID`; they take the place of its own. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The body: text and bytes as they are, anything else as JSON. */
  readonly body?: unknown;
  /** The cursor that the client comes with, as the header `Last-Event-ID`. */
  readonly lastEventId?: string;
  /**
   * How long it waits for anything, in milliseconds; `Infinity`: as long as the test may take.
   * @default 4_000, or what `setSseTestTimeout` has set
   */
  readonly timeout?: number;
}

/** The request of a client, that it repeats when it reconnects. */
export interface StreamRequest {
  readonly origin: Origin;
  readonly method: string;
  readonly path: string;
  /** As it is sent by a client that has got so far. */
  with(lastEventId: string | undefined): ExchangeRequest;
}

/** Where a stream is. */
export interface StreamPlace {
  readonly origin: Origin;
  /** With the query. */
  readonly path: string;
}

/** @throws SseTestException for a path of which no request can be made */
export function requestFor(
  { origin, path }: StreamPlace,
  { method, headers, body }: SseTestClientOptions,
): StreamRequest {
  if (!path.startsWith('/')) {
    throw new SseTestException(`The path "${path}" has to begin with a slash.`);
  }
  const isText = typeof body === 'string' || body instanceof Uint8Array;
  const sent = isText || body === undefined ? body : JSON.stringify(body);
  const fixed: ExchangeRequest = {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    path,
    headers: {
      accept: 'text/event-stream',
      ...(sent !== undefined && !isText
        ? { 'content-type': 'application/json' }
        : {}),
      ...lowerCased(headers ?? {}),
    },
    body: sent,
  };
  return {
    origin,
    path,
    method: fixed.method,
    with: (lastEventId) => ({
      ...fixed,
      headers: {
        ...fixed.headers,
        // An empty one is not sent (WHATWG HTML, 9.2.4); others go as UTF-8.
        ...(lastEventId
          ? {
              'last-event-id': Buffer.from(lastEventId).toString('latin1'),
            }
          : {}),
      },
    }),
  };
}

/**
 * The parts of a URL.
 *
 * @throws SseTestException if it is none
 */
export function placeOf(url: string): StreamPlace {
  if (!URL.canParse(url)) {
    throw new SseTestException(
      `"${url}" is no URL. A path needs the application: SseTestClient.connect(app, "${url}").`,
    );
  }
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const isSecure = protocol === 'https:';
  return {
    origin: {
      protocol: isSecure ? 'https:' : 'http:',
      // Without the brackets of an IPv6 address.
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (isSecure ? 443 : 80) : Number(port),
    },
    path: pathname + search,
  };
}

function lowerCased<Value>(
  headers: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
