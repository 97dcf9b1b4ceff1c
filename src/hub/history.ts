import {
  setTimeout as delay,
  setImmediate as nextTurn,
} from 'node:timers/promises';
import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import { LogUnavailableException } from '../log/log.exceptions.js';
import type { Dispatcher } from './dispatcher.js';
import type { HubEvent } from './hub-event.js';
import { StreamEndedException } from './hub.exceptions.js';
import { LACK_PAUSE } from './log-reader.js';
import type { LogAsker } from './log-reader.js';
import type { Rewind } from './rewind.js';
import type { Selection } from './selection.js';
import type { StreamAuthorizer } from './stream-authorizer.js';
import type { StreamConnection } from './stream-connection.js';
import { StreamStart } from './stream-start.js';
import { SLICE } from './window.js';

/** What there is, and from where on what comes. */
export interface History<Event extends HubEvent = HubEvent> {
  /** Retained events, oldest first. */
  readonly events: readonly Event[];
  /** Up to where they were read: `hub.stream({ after: cursor, … })` has what comes later. */
  readonly cursor: Cursor;
}

/** How long a read goes without getting further before it is given up, in milliseconds. */
const PATIENCE = 10_000;

/** Reads, once, what a stream of a connection would begin with. */
export class HistoryRead implements LogAsker {
  #events: HubEvent[] = [];
  #isOver = false;
  #giveUp!: (error: unknown) => void;
  #patience: NodeJS.Timeout | undefined;

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly authorizer: StreamAuthorizer,
    private readonly connection: StreamConnection,
    private readonly selection: Selection,
    private readonly rewind: Rewind,
    private readonly patience: number = PATIENCE,
  ) {}

  /**
   * @throws what the authorizer and `where` throw, LogUnavailableException,
   * StreamEndedException
   */
  async run(): Promise<History> {
    const { signal } = this.connection;
    const end = () => this.#giveUp(ended());
    const givenUp = new Promise<never>((_, reject) => {
      this.#giveUp = reject;
    });
    signal.addEventListener('abort', end);
    if (signal.aborted) {
      end();
    }
    try {
      return await Promise.race([givenUp, this.#read()]);
    } finally {
      this.#isOver = true;
      signal.removeEventListener('abort', end);
      clearTimeout(this.#patience);
      this.dispatcher.leave(this);
    }
  }

  /** A stream waits in its open response; who waits for this one has no response yet. */
  unanswered(error: LogUnavailableException): void {
    this.#giveUp(error);
  }

  async #read(): Promise<History> {
    while (true) {
      await this.#resumed();
      const { listener } = this.connection;
      const selection = this.selection.withListener(listener);
      const { obeyed } = this.dispatcher;
      await this.#authorize(selection);
      const cursor = await this.#readFor(selection);
      if (this.dispatcher.obeyed !== obeyed) {
        // Between the answer and the end of what was read, the topic may have been closed.
        await this.#authorize(selection);
      }
      await this.#resumed();
      // A refresh meanwhile may have changed what the user may see, and so may new history.
      if (cursor !== undefined && this.connection.listener === listener) {
        return { events: this.#newest(), cursor };
      }
    }
  }

  async #authorize(selection: Selection): Promise<void> {
    await this.authorizer.authorize(this.connection, selection);
    this.#checkOpen();
  }

  /** @throws StreamEndedException: nobody waits for it any more, so the log is not asked */
  #checkOpen(): void {
    if (this.#isOver) {
      throw ended();
    }
  }

  /** A refresh asks what the user may see. */
  #resumed(): Promise<void> {
    return new Promise((resolve) => this.connection.whenResumed(resolve));
  }

  /** While a start was looked for in the log, more may have come than was asked for. */
  #newest(): readonly HubEvent[] {
    const { rewind } = this;
    return typeof rewind === 'number' && this.#events.length > rewind
      ? this.#events.slice(this.#events.length - rewind)
      : this.#events;
  }

  /**
   * Reads up to where this node is when it begins: what comes meanwhile comes later.
   *
   * @returns up to where it has read; `undefined` when history has changed
   */
  async #readFor(selection: Selection): Promise<Cursor | undefined> {
    const { dispatcher } = this;
    this.#events = [];
    let [at, end] = await this.#findStart(selection);
    while (at < end) {
      if (dispatcher.epoch !== epochOf(end)) {
        return undefined;
      }
      const next = dispatcher.window.covers(at)
        ? this.#takeSlice(selection, at, end)
        : await this.#takePage(selection, at, end);
      if (next === at) {
        // The log has not what this node has met, or another history: the tail will tell.
        await this.#inTime(delay(LACK_PAUSE));
      } else {
        clearTimeout(this.#patience);
        this.#patience = undefined;
        at = next;
        await nextTurn();
      }
      this.#checkOpen();
    }
    return dispatcher.epoch === epochOf(end) ? at : undefined;
  }

  /** @returns behind which event it starts, and with which it ends */
  async #findStart(selection: Selection): Promise<[Cursor, Cursor]> {
    const start = new StreamStart(this.dispatcher, {
      selection,
      rewind: this.rewind,
      from: undefined,
      who: this,
    });
    let found = start.find();
    while (found === undefined) {
      await this.#inTime(start.ask());
      this.#checkOpen();
      found = start.find();
    }
    // In the same turn: what history and position are later is another matter.
    return [found.cursor, this.dispatcher.position];
  }

  #takeSlice(selection: Selection, at: Cursor, end: Cursor): Cursor {
    const slice = this.dispatcher.window.after(at, SLICE);
    this.#take(selection, slice, end);
    return reach(slice, end) ?? end;
  }

  async #takePage(
    selection: Selection,
    at: Cursor,
    end: Cursor,
  ): Promise<Cursor> {
    const { events, floor } = await this.#inTime(
      this.dispatcher.page(at, this),
    );
    if (epochOf(floor) !== epochOf(at)) {
      return at;
    }
    if (floor > at) {
      // What was read before is not retained any more, and has a gap behind it.
      this.#events = [];
    }
    this.#take(selection, events, end);
    const reached = reach(events, end) ?? at;
    return floor > reached ? floor : reached;
  }

  #take(selection: Selection, events: readonly HubEvent[], end: Cursor): void {
    for (const event of events) {
      if (
        event.id! <= end &&
        selection.covers(event) &&
        selection.accepts(event)
      ) {
        this.#events.push(event);
      }
    }
  }

  /** Gives up if it gets no further for too long. */
  #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    this.#patience ??= setTimeout(
      () =>
        this.#giveUp(
          new LogUnavailableException(
            `hub.history got no further for ${this.patience} ms: this node waits for what its log has.`,
          ),
        ),
      this.patience,
    );
    return answer;
  }
}

/** Up to where events go that are read until `end`. */
function reach(events: readonly HubEvent[], end: Cursor): Cursor | undefined {
  const id = events.at(-1)?.id;
  return id === undefined || id <= end ? id : end;
}

const ended = () =>
  new StreamEndedException(
    'The connection has ended while hub.history read for it.',
  );
