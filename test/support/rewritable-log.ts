import { MemoryLog } from 'nestjs-sse-hub';
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
} from 'nestjs-sse-hub';

/** A log whose engine loses its history while the application runs, as a flushed server does. */
export class RewritableLog implements EventLog {
  readonly capabilities: LogCapabilities = { durable: false, shared: false };
  #log = new MemoryLog();
  #trims = false;
  #closed = false;

  /** The engine comes back with another, empty history. */
  async rewrite(): Promise<void> {
    const lost = this.#log;
    this.#log = new MemoryLog();
    await lost.close();
  }

  /** The next page is read after everything was trimmed. */
  trimBeforeNextRead(): void {
    this.#trims = true;
  }

  open(): Promise<LogBounds> {
    return this.#log.open();
  }

  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    return this.#log.append(records);
  }

  signal(records: readonly LogRecord[]): Promise<void> {
    return this.#log.signal(records);
  }

  async *tail(after: string): AsyncGenerator<TailBatch> {
    yield* this.#log.tail(after);
    while (!this.#closed) {
      const { epoch, floor } = await this.#log.bounds();
      yield { gap: { epoch, floor, position: floor } };
      yield* this.#log.tail(floor);
    }
  }

  async read(after: string, limit: LogPageLimit): Promise<LogPage> {
    if (this.#trims) {
      this.#trims = false;
      return { entries: [], floor: (await this.#log.bounds()).head };
    }
    return this.#log.read(after, limit);
  }

  readBack(through: string, limit: LogPageLimit): Promise<LogPage> {
    return this.#log.readBack(through, limit);
  }

  health(): LogHealth {
    return this.#log.health();
  }

  bounds(): Promise<LogBounds> {
    return this.#log.bounds();
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#log.close();
  }
}
