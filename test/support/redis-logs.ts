import { Logger } from '@nestjs/common';
import type { LogEntry, LogRecord } from 'nestjs-sse-hub';
import { RedisLog } from 'nestjs-sse-hub/redis';
import type { RedisLogOptions } from 'nestjs-sse-hub/redis';
import { RedisServer } from './redis-server.js';
import { TailReader } from './tail-reader.js';
import { TcpProxy } from './tcp-proxy.js';

/** What holds everything of a log. */
export const EVERYTHING = { events: Infinity, bytes: Infinity };

/** Servers, logs and tails of one test, and their end. */
export class RedisLogs {
  readonly #releases: (() => Promise<unknown>)[] = [];
  /** What the logs have told the operator. */
  said: string[] = [];

  constructor() {
    const say = (message: unknown): void =>
      void this.said.push(String(message));
    Logger.overrideLogger({ log: say, warn: say, error: say });
  }

  async server(
    ...args: Parameters<typeof RedisServer.start>
  ): Promise<RedisServer> {
    const server = await RedisServer.start(...args);
    this.#releases.push(() => server.stop());
    return server;
  }

  async proxy(server: RedisServer): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(server.port);
    this.#releases.push(() => proxy.stop());
    return proxy;
  }

  /** A log that is not yet opened. */
  log(options: RedisLogOptions): RedisLog {
    const log = new RedisLog(options);
    this.#releases.push(() => log.close());
    return log;
  }

  async open(options: RedisLogOptions): Promise<RedisLog> {
    const log = this.log(options);
    await log.open();
    return log;
  }

  /** A tail after a cursor, from the head on if none is given; it reads already. */
  async tail(log: RedisLog, after?: string): Promise<TailReader> {
    const tail = new TailReader(log, after ?? (await log.bounds()).head);
    // Its first word is the floor.
    await tail.until(
      ({ floor, gaps }) => floor !== undefined || gaps.length > 0,
    );
    return tail;
  }

  /** Ends everything, the last first. */
  async dispose(): Promise<void> {
    this.said = [];
    for (const release of this.#releases.splice(0).reverse()) {
      await release();
    }
  }
}

export function recordOf(
  data: unknown,
  more: Partial<LogRecord> = {},
): LogRecord {
  return {
    topic: 'movies',
    type: 'message',
    data: JSON.stringify(data),
    time: Date.now(),
    ...more,
  };
}

/** Appends each as a record of its own, all in one append. */
export function append(
  log: RedisLog,
  ...data: unknown[]
): Promise<readonly LogEntry[]> {
  return log.append(data.map((one) => recordOf(one)));
}

export const dataOf = (entries: readonly LogRecord[]): unknown[] =>
  entries.map(({ data }) => JSON.parse(data) as unknown);

/** The data of all that a log retains. */
export async function retained(log: RedisLog): Promise<unknown[]> {
  const { floor } = await log.bounds();
  return dataOf((await log.read(floor, EVERYTHING)).entries);
}
