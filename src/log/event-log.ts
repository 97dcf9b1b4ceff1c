import type { Cursor } from './cursor.js';

/** Which users or roles an event is for. Ids and roles compare as strings. */
export interface Audience {
  /** Users who get the event. */
  readonly users?: readonly string[];
  /** Roles whose holders get the event. */
  readonly roles?: readonly string[];
}

/** What is appended: an event as text, before the log has given it a position. */
export interface LogRecord {
  /** A literal topic, or that of the hub's own entries, which no application can publish to. */
  readonly topic: string;
  readonly type: string;
  /** The event's data as JSON text. */
  readonly data: string;
  /** When it was published, in milliseconds since the Unix epoch. */
  readonly time: number;
  readonly audience?: Audience;
  /**
   * A key that the publisher gives to one intended event. While the entry is
   * retained, a second append with the same key yields the first entry.
   */
  readonly idempotencyKey?: string;
}

/** A record with its place in the log. */
export interface LogEntry extends LogRecord {
  readonly cursor: Cursor;
}

/** What a log retains at one moment. */
export interface LogBounds {
  /** Names this history. A log that lost or rewrote history gets another. */
  readonly epoch: string;
  /** The highest position that is gone: whoever has seen it has lost nothing. */
  readonly floor: Cursor;
  /** The newest position; equal to `floor` when nothing is retained. */
  readonly head: Cursor;
}

/** Retained entries in the log's order. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** The log's floor when the page was read: a page after an older cursor has a gap. */
  readonly floor: Cursor;
}

/** How much a page may hold; it has at least one entry when there is one. */
export interface LogPageLimit {
  readonly events: number;
  readonly bytes: number;
}

/** What `tail` yields. */
export type TailBatch =
  | {
      /** Entries, and signals (records without a cursor), in the order of dispatch. */
      readonly records: readonly (LogEntry | LogRecord)[];
      /** The log's floor, when the engine tells it for free. */
      readonly floor?: Cursor;
    }
  | {
      /** History changed under the tail: what the log now has. */
      readonly gap: LogBounds;
    };

/**
 * The totally ordered, retained sequence of events behind a hub, and what a
 * backend owes it:
 *
 * - `append` resolves only when the engine has the records, in one order for all
 *   readers; what it rejected may be there or not, but equally for everyone.
 * - Cursors are made by the backend: byte order is log order, all of one length
 *   within an epoch, `[0-9a-z-]`, at most 64 bytes.
 * - `tail` yields every entry after a cursor once and in order, or a `gap`.
 * - The floor never moves down, and no position is used twice, also when all
 *   entries were trimmed.
 *
 * Some entries are the hub's own: `hub.disconnect` and `hub.refresh`, under a topic that is
 * reserved for them. A backend carries them like any other record: with a cursor, in their
 * place among the events, and never left out.
 *
 * The memory log is the reference implementation.
 */
export interface EventLog {
  /** Connects to the engine. The hub calls it once, before anything else. */
  open(): Promise<LogBounds>;

  /**
   * Appends records, all or none.
   * @returns the entries in the order of `records`
   */
  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]>;

  /**
   * Sends records to every tail that is listening now, at most once, without retention.
   *
   * Enough to make presence span nodes, and nothing more would be asked of a backend: a hub
   * would signal, under a topic that applications cannot use and with its node's id, the users
   * that joined and left, and now and then all it has, because a signal may be lost.
   */
  signal(records: readonly LogRecord[]): Promise<void>;

  /** Everything after a cursor, then live. Ends when the iterator is returned or the log closed. */
  tail(after: Cursor): AsyncIterable<TailBatch>;

  /** Retained entries after a cursor. */
  read(after: Cursor, limit: LogPageLimit): Promise<LogPage>;

  bounds(): Promise<LogBounds>;

  /** Releases what `open` took; every tail ends. */
  close(): Promise<void>;
}
