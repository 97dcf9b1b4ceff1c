import {
  setImmediate as nextTurn,
  setTimeout as delay,
} from 'node:timers/promises';
import { AsyncResource } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import type {
  EventLog,
  LogBounds,
  LogEntry,
  LogGap,
  LogHealth,
  LogPageLimit,
  LogRecord,
} from '../log/event-log.js';
import { LogUnavailableException } from '../log/log.exceptions.js';
import { CONTROL_TOPIC, readControlEntry } from './control-entry.js';
import type { ControlEntry, ControlListener } from './control-entry.js';
import { DispatchWaits } from './dispatch-waits.js';
import { EPHEMERAL, EarlyEvents } from './early-events.js';
import { fillWindow } from './fill-window.js';
import { HubEvent } from './hub-event.js';
import { LogReader, PAGE } from './log-reader.js';
import type { EventPage } from './log-reader.js';
import type { ResetReason } from './stream-connection.js';
import { StreamsAhead } from './streams-ahead.js';
import { Subjects } from './subjects.js';
import { toEvent } from './to-event.js';
import { Waiters } from './waiters.js';
import { Window } from './window.js';
import type { WindowOptions } from './window.js';

/** Bytes of events dispatched before the event loop gets its turn. */
const SLICE_BYTES = 256 * 1024;

/** Deliveries made before the event loop gets its turn. */
const SLICE_DELIVERIES = 32_768;

const RETRY_TAIL = { first: 100, most: 10_000 } as const;

/** What the dispatcher tells an open stream. */
export interface DispatchedStream {
  /**
   * The history behind the stream is not what it was.
   *
   * @param position where this node goes on: what came before cannot be told
   * @param reason `evicted`: what is gone was of the same history
   * @param before up to where this node had dispatched
   */
  historyChanged(position: Cursor, reason: ResetReason, before: Cursor): void;
}

/** Takes signals that nodes send each other under the topic of the hub's own entries. */
export type SignalListener = (type: string, text: string) => void;

/**
 * Tails the log and hands each event, in the log's order, to the window and to
 * whoever observes it. It runs in the async context in which it was made, so
 * that no publisher's AsyncLocalStorage leaks into a stream, and it never
 * re-enters: what a subscriber publishes comes back through the log.
 */
export class Dispatcher {
  readonly #logger = new Logger('EventHub');
  readonly #reader: LogReader;
  readonly #streams = new Set<DispatchedStream>();
  readonly #ahead = new StreamsAhead<DispatchedStream>();
  readonly #abort = new AbortController();
  /** The context in which the application starts, whoever publishes first. */
  readonly #scope = new AsyncResource('EventHub');
  #started: Promise<void> | undefined;
  /** What the log had when it was opened, which it is once. */
  #opened: LogBounds | undefined;
  #position: Cursor = '';
  /** The newest event that everybody who observes it has met. */
  #settled: Cursor = '';
  #epoch = '';
  #obeyed: Cursor = '';
  #floor: Cursor = '';
  /** The newest position of this history that the log is known to have. */
  #head: Cursor = '';
  #running: Promise<void> | undefined;
  readonly #waits = new DispatchWaits();
  /** Entries of the hub's own that this node has given to the log and not met yet. */
  readonly #commands = new Set<LogRecord>();
  #nextHistory = new Waiters<void>();
  readonly #early = new EarlyEvents(
    (entry) => this.#hasMet(entry),
    (record) => this.subjects.dispatch(toEvent(record, true)),
  );
  readonly subjects = new Subjects();
  readonly window: Window;

  constructor(
    private readonly log: EventLog,
    windowOptions: WindowOptions,
    private readonly control?: ControlListener,
    private readonly onSignal?: SignalListener,
  ) {
    this.#reader = new LogReader(log);
    this.window = new Window(windowOptions, '');
  }

  /** The newest event that this node has dispatched; empty until it has started. */
  get position(): Cursor {
    return this.#position;
  }

  /** The same without an event that is just being dispatched, which some streams have not met yet. */
  get settled(): Cursor {
    return this.#settled;
  }

  /** The newest of the hub's own entries that this node has met, or the position from which on it meets them. */
  get obeyed(): Cursor {
    return this.#obeyed;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The log's floor, as far as it is known; it may have moved on. */
  get floor(): Cursor {
    return this.#floor;
  }

  /** The newest position that the log is known to have: another node may be further than this one. */
  get head(): Cursor {
    return this.#head > this.#position ? this.#head : this.#position;
  }

  get stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Whether the engine answers, as far as the log knows. */
  get health(): LogHealth {
    return this.log.health();
  }

  /** How many streams wait for the log. */
  get waiting(): number {
    return this.#reader.waiting;
  }

  /**
   * Opens the log, fills the window and begins to dispatch. Later calls wait for the first.
   *
   * @throws LogUnavailableException within the time that the log takes to give up
   */
  start(): Promise<void> {
    if (this.stopped) {
      return Promise.reject(
        new LogUnavailableException('The application is shutting down.'),
      );
    }
    return (this.#started ??= this.#start().catch((error: unknown) => {
      // The next caller tries again.
      this.#started = undefined;
      // A log's own kind of it says by itself what to do.
      throw (error as Error).constructor === LogUnavailableException
        ? notStarted(error as Error)
        : error;
    }));
  }

  /** Does something in the context in which events are dispatched, not in that of who asks for it. */
  detached<Result>(work: () => Result): Result {
    return this.#scope.runInAsyncScope(work);
  }

  /** Stops dispatching and ends what `listen` gave out. */
  async stop(): Promise<void> {
    if (this.stopped) {
      return;
    }
    this.#abort.abort();
    this.#reader.stop();
    this.subjects.complete();
    this.#waits.rejectAll(
      'The application is shutting down before this node has met the entry.',
    );
    // It may be open although what comes behind has failed.
    if (this.#started !== undefined || this.#opened !== undefined) {
      await this.#started?.catch(() => undefined);
      await this.log.close();
      await this.#running;
    }
  }

  /**
   * Tells a stream when history changes.
   * @param position where it begins
   */
  register(stream: DispatchedStream, position: Cursor): void {
    this.#streams.add(stream);
    if (position > this.#position) {
      this.#ahead.add(stream, position);
    }
  }

  unregister(stream: DispatchedStream): void {
    this.#streams.delete(stream);
    this.#ahead.delete(stream);
    this.leave(stream);
  }

  /** A page of the log after a cursor, asked for until the engine answers; once for all who wait for it. */
  page(after: Cursor, who: object): Promise<EventPage> {
    return this.#reader.page(after, who);
  }

  /** The same of what lies before: the newest events up to a cursor, with its own. */
  pageBack(
    through: Cursor,
    who: object,
    limit: LogPageLimit = PAGE,
  ): Promise<EventPage> {
    return this.#reader.pageBack(through, limit, who);
  }

  /** What the log retains now, asked for in the same way. */
  async bounds(who: object): Promise<LogBounds> {
    const bounds = await this.#reader.bounds(who);
    if (bounds.epoch === this.#epoch) {
      this.#learnFloor(bounds.floor);
      this.#head = bounds.head > this.#head ? bounds.head : this.#head;
    }
    return bounds;
  }

  /** Resolves when this node is in another history than in this epoch. */
  async historyAfter(epoch: string, who: object): Promise<void> {
    if (this.#epoch === epoch) {
      await this.#nextHistory.wait(who);
    }
  }

  /** Somebody does not wait any more for what is asked of the log. */
  leave(who: object): void {
    this.#reader.leave(who);
    this.#nextHistory.leave(who);
  }

  /**
   * Appends one of the hub's own entries; resolves when this node has met it.
   *
   * @throws LogUnavailableException within a bounded time
   */
  async command(record: LogRecord): Promise<void> {
    this.#commands.add(record);
    try {
      const [entry] = await this.log.append([record]);
      await this.dispatched(entry!.cursor);
    } finally {
      this.#commands.delete(record);
    }
  }

  /**
   * Resolves when this node has met one of the hub's own entries.
   * @throws LogUnavailableException when it never will, or not in time
   */
  dispatched(entry: Cursor): Promise<void> {
    return this.#waits.add(entry, this.#position, this.stopped);
  }

  /**
   * Begins without the log's tail, for a log that hands its records to `take` in the very call that
   * appends them. A hub on virtual time has such a one.
   */
  startAt(bounds: LogBounds): void {
    this.window.clear(bounds.head);
    this.#begin(bounds);
    this.#started = Promise.resolve();
  }

  /** Dispatches records in this turn. The caller never calls it while it is at work. */
  take(records: readonly (LogEntry | LogRecord)[]): void {
    for (const record of records) {
      this.#dispatch(toEvent(record, true));
    }
    this.#early.release();
  }

  async #start(): Promise<void> {
    const bounds = (this.#opened ??= await this.log.open());
    await fillWindow(this.window, this.log, bounds);
    this.#begin(bounds);
    this.#running = this.#scope.runInAsyncScope(() => this.#run());
  }

  #begin(bounds: LogBounds): void {
    this.#epoch = bounds.epoch;
    this.#floor = bounds.floor;
    this.#position = this.#settled = bounds.head;
    this.#head = this.#obeyed = bounds.head;
  }

  async #run(): Promise<void> {
    let wait: number = RETRY_TAIL.first;
    while (!this.stopped) {
      try {
        for await (const batch of this.log.tail(this.#position)) {
          wait = RETRY_TAIL.first;
          if (this.stopped) {
            return;
          }
          if ('gap' in batch) {
            this.#changeHistory(batch.gap);
          } else {
            await this.#dispatchAll(batch.records);
            if (batch.floor !== undefined) {
              this.#learnFloor(batch.floor);
              this.window.trim(batch.floor);
            }
          }
        }
        if (!this.stopped) {
          throw new Error('the log ended its tail');
        }
      } catch (error) {
        if (this.stopped) {
          return;
        }
        this.#logger.error(
          `Cannot read the log, trying again in ${wait} ms`,
          error,
        );
        await delay(wait, undefined, { signal: this.#abort.signal }).catch(
          () => undefined,
        );
        wait = Math.min(wait * 2, RETRY_TAIL.most);
      }
    }
  }

  async #dispatchAll(
    records: readonly (LogEntry | LogRecord)[],
  ): Promise<void> {
    let bytes = 0;
    let deliveries = 0;
    for (const record of records) {
      if (bytes > SLICE_BYTES || deliveries > SLICE_DELIVERIES) {
        bytes = deliveries = 0;
        await nextTurn();
        if (this.stopped) {
          return;
        }
      }
      deliveries += this.#dispatch(toEvent(record, true));
      bytes += record.data.length;
    }
    this.#early.release();
    await nextTurn();
  }

  #dispatch(event: HubEvent): number {
    if (event.id !== undefined) {
      for (const stream of this.#ahead.meet(event.id)) {
        this.#tell(stream, this.#position, 'unknown', this.#position);
      }
      this.window.push(event);
      this.#position = event.id;
    }
    if (event.topic === CONTROL_TOPIC) {
      if (event.id === undefined) {
        return this.#hear(event);
      }
      this.#settled = event.id;
      this.#obey(event);
      return 1;
    }
    const asked = this.subjects.dispatch(event);
    this.#settled = this.#position;
    return asked;
  }

  /** Acts on one of the hub's own entries, which no subscriber gets. */
  #obey(event: HubEvent): void {
    this.#carryOut(event.type, HubEvent.textOf(event));
    this.#obeyed = event.id!;
    this.#waits.resolve(event.id!);
  }

  #carryOut(type: string, text: string): void {
    try {
      const entry = readControlEntry(type, text);
      if (entry !== undefined) {
        this.#order(entry);
      }
    } catch (error) {
      this.#logger.error(`Cannot act on ${type}`, error);
    }
  }

  /** Takes what a node has sent to the others, which no subscriber gets as it is. */
  #hear(signal: HubEvent): number {
    const text = HubEvent.textOf(signal);
    try {
      if (signal.type === EPHEMERAL) {
        return this.#early.take(text);
      }
      this.onSignal?.(signal.type, text);
    } catch (error) {
      this.#logger.error(`Cannot take ${signal.type}`, error);
    }
    return 1;
  }

  #hasMet(entry: Cursor): boolean {
    return entry <= this.#position && epochOf(entry) === this.#epoch;
  }

  #order(entry: ControlEntry): void {
    if (entry.type === 'hub.disconnect') {
      this.control?.disconnect(entry);
    } else {
      this.control?.refresh(entry);
    }
  }

  /**
   * Goes on behind a gap, in one turn: no later entry may come before what the gap calls for. What
   * the history has up to the gap's position this node has met before.
   */
  #changeHistory({ epoch, floor, position }: LogGap): void {
    const before = this.#position;
    const isSame = epoch === this.#epoch;
    this.#logger.warn(
      isSame
        ? `The log has let go of what this node had not read yet (${before} to ${position}): streams that needed it get hub.reset`
        : `The log's history has changed (epoch ${this.#epoch} → ${epoch}): open streams get hub.reset`,
    );
    this.#obeyUnmet();
    this.#epoch = epoch;
    this.#floor = floor;
    this.#position = this.#settled = position;
    this.#head = this.#obeyed = position;
    this.window.clear(position);
    this.#waits.settle(position, before);
    if (isSame) {
      this.#ahead.meet(position);
    } else {
      this.#ahead.clear();
    }
    const reason = isSame ? 'evicted' : 'history-changed';
    for (const stream of Array.from(this.#streams)) {
      this.#tell(stream, position, reason, before);
    }
    this.#early.release();
    const waiting = this.#nextHistory;
    this.#nextHistory = new Waiters();
    waiting.resolve();
  }

  /**
   * Among what is gone may have been entries of the hub's own. What this node has commanded
   * itself it knows; for what others may have commanded, nobody is taken to be allowed.
   */
  #obeyUnmet(): void {
    for (const { type, data } of this.#commands) {
      this.#carryOut(type, data);
    }
    if (this.log.capabilities.shared) {
      try {
        this.control?.missed();
      } catch (error) {
        this.#logger.error('Cannot act on what may have been missed', error);
      }
    }
  }

  #tell(
    stream: DispatchedStream,
    ...change: Parameters<DispatchedStream['historyChanged']>
  ): void {
    try {
      stream.historyChanged(...change);
    } catch (error) {
      // The others must be told all the same.
      this.#logger.error('Cannot tell a stream of a gap', error);
    }
  }

  #learnFloor(floor: Cursor): void {
    this.#floor = floor > this.#floor ? floor : this.#floor;
  }
}

function notStarted(error: Error): LogUnavailableException {
  return new LogUnavailableException(
    `The hub needs its log to start, and the log's engine did not answer. Check that it runs, and that the log's options name it. ${error.message}`,
    { cause: error },
  );
}
