import type { Cursor } from '../../log/cursor.js';
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
} from '../../log/event-log.js';
import { within } from './patience.js';

/** A log whose methods have to settle in a bounded time, so that no case waits for ever. */
export class BoundedLog implements EventLog {
  constructor(
    private readonly log: EventLog,
    private readonly patience: number,
  ) {}

  get capabilities(): LogCapabilities {
    return this.log.capabilities;
  }

  open(): Promise<LogBounds> {
    return this.#within('open()', this.log.open());
  }

  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    return this.#within('append()', this.log.append(records));
  }

  signal(records: readonly LogRecord[]): Promise<void> {
    return this.#within('signal()', this.log.signal(records));
  }

  tail(after: Cursor): AsyncIterable<TailBatch> {
    return this.log.tail(after);
  }

  read(after: Cursor, limit: LogPageLimit): Promise<LogPage> {
    return this.#within('read()', this.log.read(after, limit));
  }

  readBack(through: Cursor, limit: LogPageLimit): Promise<LogPage> {
    return this.#within('readBack()', this.log.readBack(through, limit));
  }

  bounds(): Promise<LogBounds> {
    return this.#within('bounds()', this.log.bounds());
  }

  health(): LogHealth {
    return this.log.health();
  }

  close(): Promise<void> {
    return this.#within('close()', this.log.close());
  }

  #within<T>(method: string, promise: Promise<T>): Promise<T> {
    return within(this.patience, `${method} settles`, promise);
  }
}
