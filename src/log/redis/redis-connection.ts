import { setTimeout as delay } from 'node:timers/promises';
import { LogUnavailableException } from '../log.exceptions.js';
import { backOff } from './back-off.js';
import type { Connector } from './connector.js';
import { explain, isFatal } from './redis-error.js';
import { RedisLink } from './redis-link.js';

/** A connection that has lived so long, in milliseconds, ends a row of failures. */
const STEADY = 5_000;

interface Waiting {
  readonly resolve: (link: RedisLink) => void;
  readonly reject: (error: Error) => void;
  /** It does not wait for what will not pass by itself. */
  readonly isImpatient: boolean;
}

export interface ConnectionOptions {
  /** Makes a new connection ready for its use. */
  readonly prepare?: (link: RedisLink) => Promise<void>;
  /** The connection has come or gone. */
  readonly onChange: () => void;
  /** Whether it is asked for a sign of life while it is idle; not where another watch is kept. */
  readonly isPinged: boolean;
}

/** Keeps one connection to the server up: when it breaks, makes another, with back-off and jitter, until closed. */
export class RedisConnection {
  readonly #abort = new AbortController();
  readonly #waiting = new Set<Waiting>();
  #link: RedisLink | undefined;
  /** The newest connection, also while it is not ready. */
  #made: RedisLink | undefined;
  #failure: unknown;
  #ping: NodeJS.Timeout | undefined;

  constructor(
    private readonly connector: Connector,
    private readonly options: ConnectionOptions,
  ) {
    void this.#keepUp();
  }

  /** Why there is no connection; `undefined` while there is one, or the first is on its way. */
  get failure(): unknown {
    return this.#link === undefined ? this.#failure : undefined;
  }

  /**
   * The connection, as soon as there is one.
   *
   * @param deadline until when to wait, in milliseconds since the Unix epoch
   * @param isImpatient whether not to wait for what will not pass by itself, such as a wrong password
   * @throws LogUnavailableException
   */
  link(deadline = Infinity, isImpatient = false): Promise<RedisLink> {
    if (this.#abort.signal.aborted) {
      return Promise.reject(closedError());
    }
    if (this.#link !== undefined) {
      return Promise.resolve(this.#link);
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        isImpatient,
        resolve: (link) => {
          settle();
          resolve(link);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const timer =
        deadline === Infinity
          ? undefined
          : setTimeout(
              () => waiting.reject(this.#away()),
              Math.max(0, deadline - Date.now()),
            );
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
      };
      this.#waiting.add(waiting);
    });
  }

  close(): void {
    this.#abort.abort();
    this.#made?.destroy(closedError());
    for (const { reject } of Array.from(this.#waiting)) {
      reject(closedError());
    }
  }

  async #keepUp(): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const link = await RedisLink.open(this.connector, signal);
        attempt = await this.#use(link, attempt);
      } catch (error) {
        this.#down(error);
      }
      await delay(backOff(attempt, Math.random), undefined, { signal }).catch(
        () => undefined,
      );
    }
  }

  /** Gives out a connection until it breaks. */
  async #use(link: RedisLink, attempt: number): Promise<number> {
    this.#made = link;
    try {
      if (this.#abort.signal.aborted) {
        throw closedError();
      }
      await this.options.prepare?.(link);
    } catch (error) {
      link.destroy(error as Error);
      throw error;
    }
    this.#up(link);
    const since = Date.now();
    const cause = await link.closed;
    clearInterval(this.#ping);
    this.#down(cause);
    return Date.now() - since > STEADY ? -1 : attempt;
  }

  #up(link: RedisLink): void {
    if (link.isClosed) {
      return;
    }
    this.#link = link;
    if (this.options.isPinged) {
      this.#keepAlive(link);
    }
    for (const { resolve } of Array.from(this.#waiting)) {
      resolve(link);
    }
    this.options.onChange();
  }

  #down(error: unknown): void {
    this.#link = undefined;
    this.#failure = error;
    if (isFatal(error)) {
      for (const waiting of Array.from(this.#waiting)) {
        if (waiting.isImpatient) {
          waiting.reject(this.#away());
        }
      }
    }
    this.options.onChange();
  }

  /** A peer that went without a word is found out before something is sent to it. */
  #keepAlive(link: RedisLink): void {
    const { timeout } = this.connector;
    this.#ping = setInterval(() => {
      if (Date.now() - link.heard >= timeout) {
        // Its failure ends the connection, which is told elsewhere.
        link.send(['PING']).catch(() => undefined);
      }
    }, timeout);
  }

  #away(): LogUnavailableException {
    return new LogUnavailableException(
      `Redis at ${this.connector.address} is away, nothing was sent to it: ${explain(this.#failure ?? 'no connection yet')}`,
      { cause: this.#failure },
    );
  }
}

/** What a closed log says to everything that is asked of it. */
export function closedError(): LogUnavailableException {
  return new LogUnavailableException(
    'The log is closed: the application is shutting down.',
  );
}
