import type { IncomingMessage } from 'node:http';
import type { Listener } from '../hub/selection.js';
import type { ConnectionOptions } from './connection-options.js';

interface HttpRequest {
  readonly headers: IncomingMessage['headers'];
  readonly url: string;
  readonly query?: Record<string, unknown>;
  readonly ip?: string;
  readonly socket?: { readonly remoteAddress?: string };
}

/**
 * The cursor that a client comes with: the header that EventSource sends when it
 * reconnects (WHATWG HTML, 9.2.4), else the query parameter `lastEventId`, for a page that
 * has loaded a snapshot. An empty one is none.
 */
export function resumeCursorOf(request: object): string | undefined {
  const { headers, url } = request as HttpRequest;
  const header = headers['last-event-id'];
  // Express parses the query each time that it is asked for.
  const parameter = url.includes('?')
    ? (request as HttpRequest).query?.lastEventId
    : undefined;
  if (header === undefined && parameter === undefined) {
    return undefined;
  }
  return [header, parameter]
    .flat()
    .find(
      (value): value is string => typeof value === 'string' && value !== '',
    );
}

/** The client's address: the platform's, which knows trusted proxies, else the socket's. */
export function remoteAddressOf(request: object): string | undefined {
  const { ip, socket } = request as HttpRequest;
  return ip ?? socket?.remoteAddress;
}

/** Whom a user's streams are compared with when an event has an audience. */
export function listenerOf(
  user: unknown,
  { userId, roles }: Pick<ConnectionOptions, 'userId' | 'roles'>,
): Listener {
  if (user === undefined || user === null) {
    return NOBODY;
  }
  const id = userId(user);
  return {
    userId: id === undefined || id === null ? undefined : String(id),
    roles: roles(user)?.map(String),
  };
}

const NOBODY: Listener = {};
