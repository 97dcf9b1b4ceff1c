import { AsyncResource } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import type { Cursor } from '../log/cursor.js';
import type { EventLog, LogBounds, LogPageLimit } from '../log/event-log.js';
import { LogUnavailableException } from '../log/log.exceptions.js';
import type { HubEvent } from './hub-event.js';
import { toEvent } from './to-event.js';
import { Waiters } from './waiters.js';

/** How much is read from the log at once. */
export const PAGE: LogPageLimit = { events: 512, bytes: 256 * 1024 };

/** After how long the log is asked again for what it does not have and the node has met, in milliseconds. */
export const LACK_PAUSE = 100;

/** Questions that the engine is asked at the same time, however many clients wait. */
const CONCURRENT = 16;

/** After how long an engine that is away is asked again, in milliseconds. */
const PAUSE = { first: 100, most: 2_000 } as const;

/** Who asks for bounds within so many milliseconds shares one question. */
const BOUNDS_EVERY = 50;

/** Older events, read from the log. */
export interface EventPage {
  readonly events: readonly HubEvent[];
  /** Events up to here are gone from the log. */
  readonly floor: Cursor;
}

/** A time in milliseconds that is never set, and a random source from 0 up to 1. */
export interface ReaderClock {
  readonly now: () => number;
  readonly random: () => number;
}

/** Who asks may want to know that the engine does not answer, instead of waiting until it does. */
export interface LogAsker {
  unanswered?(error: LogUnavailableException): void;
}

interface Question {
  readonly key: string;
  readonly ask: () => Promise<unknown>;
  /** Whether its answer is only for those who came before it was asked. */
  readonly isFresh: boolean;
  readonly waiters: Waiters<any>;
}

/**
 * Asks the log for streams: once for all who want to know the same, and again for as long as
 * its engine is away. Then it asks one question after a pause, which grows, and the
 * others only when that one was answered. Other errors are those of who asked.
 *
 * Who asks is an object, and asks one question at a time.
 */
export class LogReader {
  readonly #logger = new Logger('EventHub');
  /** Not in the context of the request that asks first: others wait for it, too. */
  readonly #scope = new AsyncResource('LogReader');
  /** Those that can be joined. */
  readonly #questions = new Map<string, Question>();
  readonly #queue = new Set<Question>();
  readonly #askers = new Map<LogAsker, Question>();
  #running = 0;
  /** How often in a row the engine did not answer. */
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #boundsTimer: NodeJS.Timeout | undefined;
  #boundsAskedAt = -Infinity;
  #stopped = false;

  constructor(
    private readonly log: EventLog,
    private readonly clock: ReaderClock = {
      now: () => performance.now(),
      random: Math.random,
    },
  ) {}

  /** How many wait for an answer. */
  get waiting(): number {
    return this.#askers.size;
  }

  /** The events after a cursor. */
  page(after: Cursor, who: object): Promise<EventPage> {
    return this.#join(who, `after ${after}`, async () => {
      const { entries, floor } = await this.log.read(after, PAGE);
      return { events: entries.map((entry) => toEvent(entry, true)), floor };
    });
  }

  /** The newest events up to a cursor, with its own. */
  pageBack(
    through: Cursor,
    limit: LogPageLimit,
    who: object,
  ): Promise<EventPage> {
    const { events, bytes } = limit;
    return this.#join(who, `back ${events} ${bytes} ${through}`, async () => {
      const { entries, floor } = await this.log.readBack(through, limit);
      return { events: entries.map((entry) => toEvent(entry, true)), floor };
    });
  }

  /** What the log retains, asked for after the call: a client may know more than an earlier answer. */
  bounds(who: object): Promise<LogBounds> {
    return this.#join(
      who,
      'bounds',
      () => {
        this.#boundsAskedAt = this.clock.now();
        return this.log.bounds();
      },
      true,
    );
  }

  /** Somebody does not want to know any more; what was asked for them alone is not asked. */
  leave(who: object): void {
    const question = this.#askers.get(who);
    if (question !== undefined) {
      this.#askers.delete(who);
      question.waiters.leave(who);
      if (question.waiters.size === 0 && this.#queue.delete(question)) {
        this.#close(question);
      }
    }
  }

  /** Asks nothing more, and tells nobody anything. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#pause);
    clearTimeout(this.#boundsTimer);
    clearImmediate(this.#turn);
    this.#queue.clear();
    this.#questions.clear();
    this.#askers.clear();
  }

  async #join<Answer>(
    who: object,
    key: string,
    ask: () => Promise<Answer>,
    isFresh = false,
  ): Promise<Answer> {
    let question = this.#questions.get(key);
    if (question === undefined) {
      question = { key, ask, isFresh, waiters: new Waiters() };
      this.#questions.set(key, question);
      this.#enqueue(question);
    }
    this.#askers.set(who, question);
    try {
      return (await question.waiters.wait(who)) as Answer;
    } finally {
      this.#askers.delete(who);
    }
  }

  #enqueue(question: Question): void {
    this.#queue.add(question);
    if (!this.#stopped) {
      // Who asks in the same turn joins.
      this.#turn ??= setImmediate(() => {
        this.#turn = undefined;
        this.#scope.runInAsyncScope(() => this.#next());
      });
    }
  }

  #next(): void {
    const most = this.#failures === 0 ? CONCURRENT : 1;
    for (const question of this.#queue) {
      if (this.#pause !== undefined || this.#running >= most || this.#stopped) {
        return;
      }
      if (!question.isFresh || this.#mayAskForBounds()) {
        this.#queue.delete(question);
        void this.#put(question);
      }
    }
  }

  #mayAskForBounds(): boolean {
    const wait = this.#boundsAskedAt + BOUNDS_EVERY - this.clock.now();
    if (wait <= 0) {
      return true;
    }
    this.#boundsTimer ??= setTimeout(() => {
      this.#boundsTimer = undefined;
      this.#next();
    }, wait);
    return false;
  }

  async #put(question: Question): Promise<void> {
    this.#running++;
    if (question.isFresh) {
      this.#close(question);
    }
    try {
      const answer = await question.ask();
      this.#answered();
      this.#close(question);
      question.waiters.resolve(answer);
    } catch (error) {
      if (error instanceof LogUnavailableException) {
        this.#askAgain(question, error);
      } else {
        this.#close(question);
        question.waiters.reject(error);
      }
    } finally {
      this.#running--;
      this.#next();
    }
  }

  #answered(): void {
    if (this.#failures > 0) {
      this.#failures = 0;
      this.#logger.log('The log answers again: what waits for it goes on.');
    }
  }

  #askAgain(question: Question, error: LogUnavailableException): void {
    if (this.#stopped) {
      return;
    }
    for (const who of this.#askers.keys()) {
      who.unanswered?.(error);
    }
    if (this.#pause === undefined) {
      if (this.#failures === 0) {
        this.#logger.warn(
          `The log does not answer: streams that need it wait. ${error.message}`,
        );
      }
      const bound = Math.min(PAUSE.most, PAUSE.first * 2 ** this.#failures++);
      // From half of it on, so that nodes do not come back in step.
      const pause = bound * (1 - this.clock.random() / 2);
      this.#pause = setTimeout(() => {
        this.#pause = undefined;
        this.#next();
      }, pause);
    }
    if (question.waiters.size === 0) {
      this.#close(question);
      return;
    }
    this.#queue.add(question);
    if (!this.#questions.has(question.key)) {
      this.#questions.set(question.key, question);
    }
  }

  /** Nobody joins it any more. */
  #close(question: Question): void {
    if (this.#questions.get(question.key) === question) {
      this.#questions.delete(question.key);
    }
  }
}
