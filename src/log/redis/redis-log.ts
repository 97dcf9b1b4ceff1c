import { Logger } from '@nestjs/common';
import type { Cursor } from '../cursor.js';
import type {
  EventLog,
  LogBounds,
  LogCapabilities,
  LogEntry,
  LogHealth,
  LogPage,
  LogPageLimit,
  LogRecord,
  TailBatch,
} from '../event-log.js';
import { LogUnavailableException } from '../log.exceptions.js';
import { AppendQueue } from './append-queue.js';
import { Connector } from './connector.js';
import { closedError, RedisConnection } from './redis-connection.js';
import { explain } from './redis-error.js';
import { toSettings } from './redis-log-options.js';
import type { RedisLogOptions } from './redis-log-options.js';
import { RedisReader } from './redis-reader.js';
import { RedisTail } from './redis-tail.js';
import { ScriptCaller } from './script-caller.js';
import { checkServer } from './server-check.js';
import { Signals } from './signals.js';
import { within } from './within.js';

/** What a log has while it is open. */
interface Open {
  readonly commands: RedisConnection;
  readonly appends: AppendQueue;
  readonly reader: RedisReader;
  readonly signals: Signals;
}

/**
 * A log in a Redis stream, shared by all nodes that name the same server and stream. What survives a
 * crash of the server is what its persistence is set to keep; when it comes back with less, clients
 * are told (`hub.reset`).
 *
 * @example
 * ```ts
 * SseModule.forRoot({ log: new RedisLog({ url: process.env.REDIS_URL }) })
 * ```
 */
export class RedisLog implements EventLog {
  readonly capabilities: LogCapabilities = { durable: true, shared: true };
  readonly #logger = new Logger('RedisLog');
  readonly #connector: Connector;
  readonly #scripts: ScriptCaller;
  readonly #tails = new Set<RedisTail>();
  #open: Open | undefined;
  #isReady = false;
  #closed = false;
  /** Whether the operator was told that the server is away. */
  #isToldAway = false;

  /** @throws InvalidOptionException */
  constructor(options: RedisLogOptions = {}) {
    const settings = toSettings(options);
    this.#connector = new Connector(settings);
    this.#scripts = new ScriptCaller(this.#connector, settings);
  }

  /** @throws RedisMissingException, LogUnavailableException */
  async open(): Promise<LogBounds> {
    await this.#connector.load();
    if (this.#closed) {
      throw closedError();
    }
    const { address, timeout } = this.#connector;
    const open = (this.#open ??= this.#connect());
    try {
      const bounds = await within(
        timeout,
        this.#begin(open, Date.now() + timeout),
        () =>
          new LogUnavailableException(
            `Redis at ${address} has not answered within ${timeout} ms.`,
          ),
      );
      this.#isReady = true;
      return bounds;
    } catch (error) {
      // Who cannot use the log holds no connections; `open` can be called again.
      this.#disconnect();
      throw error;
    }
  }

  async append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    return records.length === 0 ? [] : this.#opened().appends.append(records);
  }

  async signal(records: readonly LogRecord[]): Promise<void> {
    await this.#opened().signals.send(records);
  }

  tail(after: Cursor): AsyncIterable<TailBatch> {
    return {
      // A connection is taken by who reads, not by who only asks.
      [Symbol.asyncIterator]: () =>
        this.#closed ? ENDED[Symbol.asyncIterator]() : this.#tail(after),
    };
  }

  async read(after: Cursor, limit: LogPageLimit): Promise<LogPage> {
    return this.#opened().reader.after(after, limit);
  }

  async readBack(through: Cursor, limit: LogPageLimit): Promise<LogPage> {
    return this.#opened().reader.through(through, limit);
  }

  async bounds(): Promise<LogBounds> {
    return this.#opened().reader.bounds();
  }

  health(): LogHealth {
    if (this.#open === undefined) {
      return {
        status: 'down',
        reason: this.#closed ? 'The log is closed.' : 'The log is not open.',
      };
    }
    const failure = this.#failure(this.#open);
    return failure === undefined
      ? { status: 'up' }
      : {
          status: 'down',
          reason: `Redis at ${this.#connector.address} is away: ${explain(failure)}`,
        };
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#disconnect();
    return Promise.resolve();
  }

  #connect(): Open {
    const connector = this.#connector;
    const scripts = this.#scripts;
    const onChange = (): void => this.#tell();
    const commands = new RedisConnection(connector, {
      onChange,
      isPinged: true,
    });
    return {
      commands,
      appends: new AppendQueue(connector, commands, scripts),
      reader: new RedisReader(connector, commands, scripts),
      signals: new Signals(connector, commands, onChange),
    };
  }

  async #begin(open: Open, deadline: number): Promise<LogBounds> {
    const link = await open.commands.link(deadline, true);
    const info = await link.send(['INFO']).then(String, () => '');
    const warning = checkServer(info, this.#connector.address);
    if (warning !== undefined) {
      this.#logger.warn(warning);
    }
    const bounds = await open.reader.bounds(true);
    await open.signals.ready(deadline);
    return bounds;
  }

  #disconnect(): void {
    const open = this.#open;
    this.#open = undefined;
    this.#isReady = false;
    open?.appends.close();
    open?.signals.close();
    open?.commands.close();
    for (const tail of Array.from(this.#tails)) {
      tail.end();
    }
  }

  #tail(after: Cursor): RedisTail {
    const tail = new RedisTail(after, {
      connector: this.#connector,
      scripts: this.#scripts,
      signals: this.#opened().signals,
      onChange: () => this.#tell(),
      onEnd: () => this.#tails.delete(tail),
    });
    this.#tails.add(tail);
    return tail;
  }

  /** @throws LogUnavailableException */
  #opened(): Open {
    if (this.#open === undefined) {
      throw this.#closed
        ? closedError()
        : new LogUnavailableException(
            'The log is not open: call open() first.',
          );
    }
    return this.#open;
  }

  #failure(open: Open): unknown {
    const all = [open.commands, open.signals, ...this.#tails];
    return all.find(({ failure }) => failure !== undefined)?.failure;
  }

  /** Says once when the server goes away, and once when it is back. */
  #tell(): void {
    if (this.#open === undefined || !this.#isReady) {
      return;
    }
    const { address } = this.#connector;
    const failure = this.#failure(this.#open);
    if (failure !== undefined && !this.#isToldAway) {
      this.#logger.error(
        `Redis at ${address} is away, trying again: ${explain(failure)}`,
      );
    } else if (failure === undefined && this.#isToldAway) {
      this.#logger.log(`Redis at ${address} is back`);
    }
    this.#isToldAway = failure !== undefined;
  }
}

/** What a closed log has to tell. */
const ENDED: AsyncIterable<TailBatch> = {
  async *[Symbol.asyncIterator]() {},
};
