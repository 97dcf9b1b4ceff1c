import type { EventLog, RetentionOptions } from '../log/event-log.js';

/** A log that the contract suite judges: fresh, empty, and what can be done to it. */
export interface LogUnderTest {
  /** The log, not yet opened. */
  readonly log: EventLog;

  /**
   * Another reader and writer of the same history, as a second node has it, not yet opened. Only for a
   * log with `capabilities.shared`.
   */
  readonly another?: () => EventLog;

  /**
   * Closes `log` and gives a new one over what it left behind, as the next process finds it, not yet
   * opened. Only for a log with `capabilities.durable`.
   */
  readonly restart?: () => Promise<EventLog>;

  /** Loses the history under open logs, as a server that was flushed does; left out where that cannot happen. */
  readonly loseHistory?: () => Promise<void>;

  /** Takes the engine away (stopped, frozen, cut off) and brings it back; left out where the log has none. */
  readonly engine?: {
    stop(): Promise<void>;
    start(): Promise<void>;
  };

  /** Closes and releases everything, also what `another` and `restart` gave. */
  dispose(): Promise<void>;
}

/**
 * Gives a fresh log under test, with this retention. A field that is left out stands for "more than the
 * suite appends", which any default of an hour and a thousand events is.
 */
export type OpenLogUnderTest = (
  retention: RetentionOptions,
) => Promise<LogUnderTest>;
