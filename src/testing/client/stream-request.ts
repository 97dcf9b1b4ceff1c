import type { AppUnderTest, Origin } from './app-under-test.js';
import type { ExchangeRequest } from './exchange.js';

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
   * How long it waits for anything, in milliseconds.
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

/** @param target the application, or the URL of a server */
export async function requestFor(
  target: AppUnderTest | string,
  path: string,
  { method, headers, body }: SseTestClientOptions,
): Promise<StreamRequest> {
  const isText = typeof body === 'string' || body instanceof Uint8Array;
  const sent = isText || body === undefined ? body : JSON.stringify(body);
  const fixed: ExchangeRequest = {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    path: typeof target === 'string' ? pathIn(target, path) : path,
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
    method: fixed.method,
    path: fixed.path,
    origin:
      typeof target === 'string' ? originOf(target) : await target.origin(),
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

function originOf(url: string): Origin {
  const { protocol, hostname, port } = new URL(url);
  const isSecure = protocol === 'https:';
  return {
    protocol: isSecure ? 'https:' : 'http:',
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isSecure ? 443 : 80) : Number(port),
  };
}

/** Behind the path of the URL, if it has one. */
function pathIn(url: string, path: string): string {
  return new URL(url).pathname.replace(/\/$/, '') + path;
}

function lowerCased<Value>(
  headers: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
