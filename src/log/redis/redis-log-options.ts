import type { RedisClientType } from 'redis';
import {
  checkOptions,
  InvalidOptionException,
} from '../../options/check-options.js';
import type { RetentionOptions } from '../event-log.js';

/** Where a `RedisLog` keeps its history, and how much of it. */
export interface RedisLogOptions extends RetentionOptions {
  /**
   * The server: `redis://[[user]:password@]host[:port][/database]`, with TLS `rediss://…`. Instead of `client`.
   * @default 'redis://localhost:6379'
   */
  url?: string;
  /**
   * A client of the application, made by `createClient` of `redis`, connected or not. The log makes its own
   * connections with the same settings; it neither uses nor closes this one. Instead of `url`.
   */
  client?: RedisClientType<any, any, any, any, any>;
  /**
   * Names the history, for all nodes that share it; the keys are `{<stream>}` and what begins with it.
   * @default 'sse-hub'
   */
  stream?: string;
  /**
   * How long the server may take, in milliseconds: what is not answered by then, also for want of a
   * connection, fails with `LogUnavailableException`.
   * @default 5_000
   */
  timeout?: number;
  /**
   * Events kept.
   * @default 100_000
   */
  maxEvents?: number;
  /**
   * Bytes of event data kept; the newest event stays, however large.
   * @default 268_435_456 (256 MiB)
   */
  maxBytes?: number;
  /**
   * How long an event is kept, in milliseconds.
   * @default 86_400_000 (one day)
   */
  maxAge?: number;
}

/** What `RedisLogOptions` are when left out. */
const DEFAULTS = {
  stream: 'sse-hub',
  timeout: 5_000,
  maxEvents: 100_000,
  maxBytes: 256 * 1024 * 1024,
  maxAge: 24 * 60 * 60 * 1000,
};

/** Options of which each has a value, but for where the server is. */
export type RedisLogSettings = Pick<RedisLogOptions, 'url' | 'client'> &
  typeof DEFAULTS;

/**
 * Checks options, and fills in what was left out.
 *
 * @throws InvalidOptionException
 */
export function toSettings(options: RedisLogOptions): RedisLogSettings {
  checkOptions('RedisLog', withoutSecret(options), {
    url: {
      type: 'instance',
      is: isServerUrl,
      hint: 'a URL such as "redis://localhost:6379", or "rediss://…" for TLS',
    },
    client: {
      type: 'instance',
      is: isClient,
      hint: 'a client of one server, made by createClient of the package "redis" (not of a cluster, a sentinel or ioredis)',
    },
    stream: {
      type: 'instance',
      is: isStreamName,
      hint: 'a string of 1 to 128 characters without braces',
    },
    timeout: { type: 'number', min: 10, max: 2 ** 31 - 1 },
    maxEvents: { type: 'integer', min: 1 },
    maxBytes: { type: 'integer', min: 1 },
    maxAge: { type: 'number', min: 1 },
  });
  if (options.url !== undefined && options.client !== undefined) {
    throw new InvalidOptionException(
      'RedisLog: "url" and "client" both say where the server is. Give one of them.',
    );
  }
  const given = Object.entries(options).filter(
    ([, value]) => value !== undefined,
  );
  return { ...DEFAULTS, ...(Object.fromEntries(given) as RedisLogOptions) };
}

/** A message that names the value must not show the password. */
function withoutSecret(options: RedisLogOptions): object {
  const isText = typeof options?.url === 'string';
  return isText && !isServerUrl(options.url)
    ? { ...options, url: options.url!.replace(/\/\/.*@/, '//…@') }
    : options;
}

function isServerUrl(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    URL.canParse(value) &&
    /^rediss?:$/.test(new URL(value).protocol) &&
    /^(\/\d*)?$/.test(new URL(value).pathname)
  );
}

function isClient(value: unknown): boolean {
  const { duplicate, sendCommand, withCommandOptions, options } = Object(
    value,
  ) as Record<string, unknown>;
  const methods = [duplicate, sendCommand, withCommandOptions];
  return (
    methods.every((method) => typeof method === 'function') &&
    // Clusters and sentinels say elsewhere how they were made.
    typeof options === 'object' &&
    options !== null
  );
}

function isStreamName(value: unknown): boolean {
  return typeof value === 'string' && /^[^{}]{1,128}$/.test(value);
}
