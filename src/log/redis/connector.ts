import type { RedisClientOptions, RedisClientType, createClient } from 'redis';
import { nodeRedis } from './node-redis.js';
import type { RedisLogSettings } from './redis-log-options.js';

/** A client that has one connection in its life. */
export type OwnClient = RedisClientType<any, any, any, any, any>;

/** How the log's own connections come into being. */
export class Connector {
  /** Where the server is, for messages: without user and password. */
  readonly address: string;
  /** The stream, the hash and the list, as all scripts want them. */
  readonly keys: readonly [stream: string, meta: string, order: string];
  /** Where signals go. */
  readonly channel: string;
  readonly timeout: number;
  #createClient: typeof createClient | undefined;

  constructor(private readonly settings: RedisLogSettings) {
    this.timeout = settings.timeout;
    const options = (settings.client?.options ?? {}) as RedisClientOptions;
    this.address = addressOf(settings.url, options);
    // In braces, the keys of one log would lie on one node of a cluster.
    const stream = `${options.keyPrefix?.toString() ?? ''}{${settings.stream}}`;
    this.keys = [stream, `${stream}:meta`, `${stream}:order`];
    // Channels, other than keys, are common to all databases of a server.
    const database = databaseOf(settings.url, options);
    this.channel = `${stream}:signals${database === 0 ? '' : `:${database}`}`;
  }

  /**
   * Makes `create` possible. The application's own client brings what is needed.
   * @throws RedisMissingException
   */
  async load(): Promise<void> {
    if (this.settings.client === undefined) {
      ({ createClient: this.#createClient } = await nodeRedis());
    }
  }

  /**
   * A client that is not yet connected. It does not reconnect and keeps no queue: what it was given is
   * not sent later, and the log knows when a connection is another one.
   */
  create(): OwnClient {
    const { url = DEFAULT_URL, client, timeout } = this.settings;
    const given = client?.options?.socket as object | undefined;
    const options = {
      name: 'sse-hub',
      disableOfflineQueue: true,
      commandOptions: {},
      commandsQueueMaxLength: undefined,
      readonly: false,
      maintNotifications: 'disabled',
      pingInterval: undefined,
      clientSideCache: undefined,
      emitInvalidate: undefined,
      socket: {
        ...given,
        connectTimeout: timeout,
        socketTimeout: undefined,
        reconnectStrategy: false,
      },
    } as const;
    return client === undefined
      ? (this.#createClient!({ ...options, url }) as OwnClient)
      : (client.duplicate({ ...client.options, ...options }) as OwnClient);
  }
}

const DEFAULT_URL = 'redis://localhost:6379';

function addressOf(
  url: string | undefined,
  options: RedisClientOptions,
): string {
  const socket = options.socket as
    { host?: string; port?: number; path?: string; tls?: boolean } | undefined;
  if (socket?.path !== undefined) {
    return socket.path;
  }
  const { host, protocol } = new URL(url ?? options.url ?? DEFAULT_URL);
  return socket?.host === undefined && socket?.port === undefined
    ? `${protocol}//${host}`
    : `redis${socket.tls ? 's' : ''}://${socket.host ?? 'localhost'}:${socket.port ?? 6379}`;
}

function databaseOf(
  url: string | undefined,
  options: RedisClientOptions,
): number {
  return (
    options.database ??
    Number(new URL(url ?? options.url ?? DEFAULT_URL).pathname.slice(1))
  );
}
