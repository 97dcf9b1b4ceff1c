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

/** History changed under a tail: what came between is not to be had. */
export interface LogGap {
  /** The history that the log has now; another epoch than before, or the same with entries gone. */
  readonly epoch: string;
  /** The highest position that is gone from it. */
  readonly floor: Cursor;
  /**
   * Where the tail goes on: it yields what comes after. From `floor` on where nothing after
   * it was yielded before, else from where the histories part.
   */
  readonly position: Cursor;
}

/** What `tail` yields. */
export type TailBatch =
  | {
      /** Entries, and signals (records without a cursor), in the order of dispatch. */
      readonly records: readonly (LogEntry | LogRecord)[];
      /** The log's floor, when the engine tells it for free. */
      readonly floor?: Cursor;
    }
  | { readonly gap: LogGap };

/** What a log is good for; stated, not guessed. */
export interface LogCapabilities {
  /** Whether its entries are there after the process has ended, so that cursors hold over a restart. */
  readonly durable: boolean;
  /** Whether other processes append to it and tail it. */
  readonly shared: boolean;
}

/** Whether the engine answers, as far as the log knows without asking. */
export type LogHealth =
  | { readonly status: 'up' }
  | {
      readonly status: 'down';
      /** What is wrong, for who operates the application; without secrets. */
      readonly reason: string;
    };

/** How much history a log keeps; whichever bound is reached first counts. */
export interface RetentionOptions {
  /** Events kept. */
  maxEvents?: number;
  /** Bytes of event data kept; the newest event stays, however large. */
  maxBytes?: number;
  /** How long an event is kept, in milliseconds. */
  maxAge?: number;
}

/**
 * The totally ordered, retained sequence of events behind a hub, and what a backend owes it.
 * `logContract` of `nestjs-sse-hub/testing` checks all of it against a log; the memory log is the
 * reference.
 *
 * **Order.** All readers see the same entries in the same order. Cursors are made by the
 * backend: byte order is log order, all have one length within an epoch, `[0-9a-z-]`, at most 64 bytes.
 * No position is used twice, also when all entries were trimmed. An entry is visible only when
 * no entry before it can still become visible (identity values of a database become
 * visible out of order: such a backend numbers after the commit).
 *
 * **Epoch.** It names one history. The cursors that `append` returns name the history in which
 * the entries are, checked by the engine in the same atomic step: a log that lost its history
 * between two appends gives the second another epoch. A log that lost its newest entries
 * (fail-over, power cut) starts a new epoch too, when a node that has seen them notices.
 *
 * **Retention.** The oldest go first. The floor is the highest position that is gone; it
 * never moves down; who has seen it has lost nothing.
 *
 * **Absence of the engine.** Every method but `tail`, `health` and `close` rejects with
 * `LogUnavailableException` within a bounded time, and what was rejected is not sent to the engine later
 * from a queue. A tail waits and goes on by itself, with back-off and jitter; it yields everything that was
 * appended meanwhile, or a gap.
 *
 * Some entries are the hub's own, such as `hub.disconnect` and `hub.refresh`, under a topic that is
 * reserved for them. A backend carries them like any other record: with a cursor, in their
 * place among the events, and never left out.
 */
export interface EventLog {
  readonly capabilities: LogCapabilities;

  /**
   * Connects to the engine. The hub calls it once, before anything else; again when it has
   * failed.
   *
   * @throws LogUnavailableException within a bounded time
   */
  open(): Promise<LogBounds>;

  /**
   * Appends records, all or none and next to each other, and resolves when the engine has them.
   * Appends that wait together may share a commit. After a rejection they may be there or not,
   * but equally for all readers.
   *
   * A record whose `idempotencyKey` a retained entry has is not appended: that entry stands in its
   * place in what is returned.
   *
   * @returns the entries in the order of `records`
   * @throws LogUnavailableException
   */
  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]>;

  /**
   * Sends records to every tail that is listening now, on all nodes, at most once, without retention.
   * They come in no certain order among the entries.
   *
   * @throws LogUnavailableException
   */
  signal(records: readonly LogRecord[]): Promise<void>;

  /**
   * Every entry after a cursor once and in order, then live, with signals among them. On every (re)connect
   * to the engine it confirms that its position is still a place in the log's history, and that
   * nothing after it is gone; else it yields a gap and goes on from the gap's position. It never throws
   * for the engine's absence. It ends when the iterator is returned or the log closed.
   */
  tail(after: Cursor): AsyncIterable<TailBatch>;

  /**
   * Retained entries after a cursor, oldest first.
   *
   * @throws LogUnavailableException
   */
  read(after: Cursor, limit: LogPageLimit): Promise<LogPage>;

  /**
   * The newest retained entries at or before a cursor, oldest first: what a node fills its window
   * with.
   *
   * @throws LogUnavailableException
   */
  readBack(through: Cursor, limit: LogPageLimit): Promise<LogPage>;

  /** @throws LogUnavailableException */
  bounds(): Promise<LogBounds>;

  /** Answers at once, from what is known; never throws. */
  health(): LogHealth;

  /**
   * Releases what `open` took; every tail ends, and what waits is rejected with
   * `LogUnavailableException`, as is every later call. It may be called twice.
   */
  close(): Promise<void>;
}
