import type { Connector, OwnClient } from './connector.js';

/** The longest time of a timer, in milliseconds; what is longer would be over at once. */
const MOST_PATIENCE = 2 ** 31 - 1;

/** What was sent on a connection that broke before the answer came. */
export class LinkLostError extends Error {
  override readonly name = 'LinkLostError';
}

/** One connection to the server, from its handshake until it breaks. It is never mended; another takes its place. */
export class RedisLink {
  /** Resolves, with why, when it has broken. */
  readonly closed: Promise<Error>;
  #close!: (cause: Error) => void;
  #cause: Error | undefined;
  /** When the server was last heard of, in milliseconds. */
  heard = Date.now();

  private constructor(
    private readonly client: OwnClient,
    readonly timeout: number,
  ) {
    this.closed = new Promise((resolve) => (this.#close = resolve));
    client.on('error', (error: Error) => this.destroy(error));
    client.on('end', () => this.destroy(new Error('The connection has ended')));
  }

  /**
   * Connects, and waits until the server answers commands.
   *
   * @throws what the server or the way to it says
   */
  static async open(
    connector: Connector,
    signal: AbortSignal,
  ): Promise<RedisLink> {
    const client = connector.create();
    const link = new RedisLink(client, connector.timeout);
    const abort = (): void => link.destroy(new Error('The log is closed'));
    const timer = setTimeout(
      () => link.destroy(noAnswer(connector.timeout)),
      connector.timeout,
    );
    signal.addEventListener('abort', abort);
    try {
      const connected = client.connect();
      // A socket that connects after all would stay open.
      connected.then(
        () => link.#cause && client.destroy(),
        () => undefined,
      );
      const cause = await Promise.race([
        connected.then(
          () => undefined,
          (error: Error) => error,
        ),
        link.closed,
      ]);
      if (cause !== undefined) {
        throw link.#cause ?? cause;
      }
      // A server that still loads its data takes connections, and answers that.
      await link.send(['PING']);
      return link;
    } catch (error) {
      link.destroy(error as Error);
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  get isClosed(): boolean {
    return this.#cause !== undefined;
  }

  /**
   * Sends a command.
   *
   * @param patience how long the answer may take, in milliseconds; then the connection is given up, as
   *   what becomes of the command cannot be known
   * @throws LinkLostError when no answer comes; else what the server says
   */
  send(args: string[], patience = this.timeout): Promise<unknown> {
    return this.#watch(() => this.client.sendCommand(args), patience);
  }

  /** Receives what is published on a channel from now on. */
  async subscribe(
    channel: string,
    listener: (message: string) => void,
  ): Promise<void> {
    await this.#watch(
      () => this.client.subscribe(channel, listener),
      this.timeout,
    );
  }

  /** Ends it at once; what waits for an answer is rejected. */
  destroy(cause: Error): void {
    if (this.#cause !== undefined) {
      return;
    }
    this.#cause = cause;
    this.client.destroy();
    this.#close(cause);
  }

  async #watch(
    send: () => Promise<unknown>,
    patience: number,
  ): Promise<unknown> {
    this.#checkOpen();
    const timer = setTimeout(
      () => this.destroy(noAnswer(patience)),
      Math.min(patience, MOST_PATIENCE),
    );
    try {
      return await send();
    } catch (error) {
      this.#checkOpen();
      throw error;
    } finally {
      this.heard = Date.now();
      clearTimeout(timer);
    }
  }

  #checkOpen(): void {
    if (this.#cause !== undefined) {
      throw new LinkLostError(this.#cause.message, { cause: this.#cause });
    }
  }
}

function noAnswer(ms: number): Error {
  return new Error(`The server has not answered within ${ms} ms`);
}
