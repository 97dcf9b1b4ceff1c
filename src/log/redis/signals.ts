import type { LogRecord } from '../event-log.js';
import { LogUnavailableException } from '../log.exceptions.js';
import type { Connector } from './connector.js';
import { RedisConnection } from './redis-connection.js';
import { explain } from './redis-error.js';
import { within } from './within.js';

/** Carries signals to all nodes by Pub/Sub: on a connection of its own, which takes them in while another waits for entries. */
export class Signals {
  readonly #listeners = new Set<(records: readonly LogRecord[]) => void>();
  readonly #incoming: RedisConnection;

  constructor(
    private readonly connector: Connector,
    private readonly outgoing: RedisConnection,
    onChange: () => void,
  ) {
    this.#incoming = new RedisConnection(connector, {
      prepare: (link) =>
        link.subscribe(connector.channel, (message) => this.#receive(message)),
      onChange,
      isPinged: true,
    });
  }

  /** Why none come in; `undefined` while they do. */
  get failure(): unknown {
    return this.#incoming.failure;
  }

  /**
   * Resolves when signals come in.
   * @param deadline in milliseconds since the Unix epoch
   * @throws LogUnavailableException
   */
  async ready(deadline: number): Promise<void> {
    await this.#incoming.link(deadline, true);
  }

  /** @returns ends it */
  listen(listener: (records: readonly LogRecord[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws LogUnavailableException */
  async send(records: readonly LogRecord[]): Promise<void> {
    const { address, timeout } = this.connector;
    await within(
      timeout,
      this.#publish(JSON.stringify(records)),
      () =>
        new LogUnavailableException(
          `Redis at ${address} has not taken the event within ${timeout} ms; who listens may have got it or not.`,
        ),
    );
  }

  close(): void {
    this.#incoming.close();
  }

  async #publish(message: string): Promise<void> {
    const { address, channel, timeout } = this.connector;
    const deadline = Date.now() + timeout;
    const link = await this.outgoing.link(deadline);
    if (Date.now() >= deadline) {
      return;
    }
    try {
      await link.send(['PUBLISH', channel, message]);
    } catch (error) {
      throw new LogUnavailableException(
        `Redis at ${address} has not said that it took the event: ${explain(error)}`,
        { cause: error },
      );
    }
  }

  #receive(message: string): void {
    const records = readRecords(message);
    for (const listener of this.#listeners) {
      listener(records);
    }
  }
}

/** Whoever may publish to the channel can send anything; what is no record is passed over. */
function readRecords(message: string): LogRecord[] {
  try {
    const records = JSON.parse(message) as unknown;
    return Array.isArray(records) ? records.filter(isRecord) : [];
  } catch {
    return [];
  }
}

function isRecord(value: unknown): value is LogRecord {
  const { topic, type, data, time } = Object(value) as Record<string, unknown>;
  return (
    [topic, type, data].every((text) => typeof text === 'string') &&
    typeof time === 'number'
  );
}
