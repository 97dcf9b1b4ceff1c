import assert from 'node:assert/strict';
import type { Cursor } from '../../log/cursor.js';
import type {
  EventLog,
  LogBounds,
  LogEntry,
  LogRecord,
  RetentionOptions,
} from '../../log/event-log.js';
import { seededRandom } from '../seeded-random.js';
import type { LogUnderTest, OpenLogUnderTest } from '../log-under-test.js';
import { BoundedLog } from './bounded-log.js';
import {
  eventually as eventuallyIn,
  within as withinPatience,
} from './patience.js';
import { recordOf } from './record.js';
import { TailReader } from './tail-reader.js';

/** Which members of a `LogUnderTest` a case needs. */
export type Ability = 'another' | 'restart' | 'loseHistory' | 'engine';

/** One named promise, and how it is put to the test. */
export interface ContractCase {
  readonly name: string;
  readonly needs?: readonly Ability[];
  readonly retention?: RetentionOptions;
  readonly run: (trial: Trial) => Promise<void>;
}

/** How cases are run. */
export interface TrialSettings {
  readonly seed: number;
  /** How long something that has to come may take, in milliseconds. */
  readonly patience: number;
}

/** A log under test during one case. */
export class Trial {
  readonly random: () => number;
  readonly #readers: TailReader[] = [];

  private constructor(
    readonly subject: LogUnderTest,
    /** The log, opened. */
    readonly log: EventLog,
    /** What `open` has told of the empty log. */
    readonly empty: LogBounds,
    private readonly settings: TrialSettings,
  ) {
    this.random = seededRandom(settings.seed);
  }

  /** Runs a case on a log of its own. */
  static async run(
    { name, retention = {}, run }: ContractCase,
    open: OpenLogUnderTest,
    settings: TrialSettings,
  ): Promise<void> {
    const within = <T>(what: string, promise: Promise<T>): Promise<T> =>
      withinPatience(settings.patience, what, promise);
    const subject = await within('the log under test', open(retention));
    try {
      const log = new BoundedLog(subject.log, settings.patience);
      const trial = new Trial(subject, log, await log.open(), settings);
      await run(trial);
      trial.#readers.forEach((reader) => reader.check());
    } catch (error) {
      // What disposing says then follows from this.
      await within('dispose()', subject.dispose()).catch(() => undefined);
      throw told(error, name, settings.seed);
    }
    await within('dispose()', subject.dispose());
  }

  /** A whole number from 0 to below a bound. */
  below(bound: number): number {
    return Math.floor(this.random() * bound);
  }

  /** Another node, opened. */
  async another(): Promise<EventLog> {
    const log = this.unopened();
    await log.open();
    return log;
  }

  /** Another node, not yet opened. */
  unopened(): EventLog {
    return this.#bounded(this.subject.another!());
  }

  /** The log, and a second node where there can be one. */
  async nodes(): Promise<readonly EventLog[]> {
    return this.subject.another === undefined
      ? [this.log]
      : [this.log, await this.another()];
  }

  /** The next process, opened. */
  async restart(): Promise<{ log: EventLog; bounds: LogBounds }> {
    const log = this.#bounded(await this.subject.restart!());
    return { log, bounds: await log.open() };
  }

  /** A tail that is read as fast as it can be. */
  tail(log: EventLog, after: Cursor): TailReader {
    return this.slowTail(log, after).run();
  }

  /** A tail that yields nothing before `pull` or `run`. */
  slowTail(log: EventLog, after: Cursor): TailReader {
    const reader = new TailReader(log, after, this.settings.patience);
    this.#readers.push(reader);
    return reader;
  }

  /** Appends one record with this data. */
  async append(
    data: string,
    more: Partial<LogRecord> = {},
    log: EventLog = this.log,
  ): Promise<LogEntry> {
    const entries = await log.append([recordOf(data, more)]);
    assert.equal(entries.length, 1, 'append returns an entry for each record');
    return entries[0]!;
  }

  /** Appends records with data `<name> 0`, `<name> 1`, …, one after the other. */
  async appendEach(count: number, name = 'event'): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    for (let i = 0; i < count; i++) {
      entries.push(await this.append(`${name} ${i}`));
    }
    return entries;
  }

  within<T>(what: string, promise: Promise<T>): Promise<T> {
    return withinPatience(this.settings.patience, what, promise);
  }

  eventually(
    what: string,
    condition: () => boolean | Promise<boolean>,
  ): Promise<void> {
    return eventuallyIn(this.settings.patience, what, condition);
  }

  #bounded(log: EventLog): EventLog {
    return new BoundedLog(log, this.settings.patience);
  }
}

/** The error, with the promise that is broken and what is needed to repeat it. */
function told(cause: unknown, name: string, seed: number): Error {
  // Not by instanceof: a test runner may have an Error of its own.
  const { message } = Object(cause) as { message?: unknown };
  return new Error(
    `${name}\n${String(message ?? cause)}\n(the log contract, seed ${seed})`,
    { cause },
  );
}
