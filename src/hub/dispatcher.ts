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
  LogPage,
  LogRecord,
} from '../log/event-log.js';
import { LogUnavailableException } from '../log/log.exceptions.js';
import { CONTROL_TOPIC, readControlEntry } from './control-entry.js';
import type { ControlEntry, ControlListener } from './control-entry.js';
import { DispatchWaits } from './dispatch-waits.js';
import { EPHEMERAL, EarlyEvents } from './early-events.js';
import { HubEvent } from './hub-event.js';
import { Subjects } from './subjects.js';
import { Window } from './window.js';
import type { WindowOptions } from './window.js';

/** Bytes of events dispatched before the event loop gets its turn. */
const SLICE_BYTES = 256 * 1024;

/** Deliveries made before the event loop gets its turn. */
const SLICE_DELIVERIES = 32_768;

/** How much is read from the log at once. */
const PAGE = { events: 512, bytes: SLICE_BYTES } as const;

const RETRY_TAIL = { first: 100, most: 10_000 } as const;

/** What the dispatcher tells an open stream. */
export interface DispatchedStream {
  /** The log's history changed: what came before this position cannot be told. */
  historyChanged(position: Cursor): void;
}

/** Takes signals that nodes send each other under the topic of the hub's own entries. */
export type SignalListener = (type: string, text: string) => void;

/** Older events, read from the log. */
export interface EventPage {
  readonly events: readonly HubEvent[];
  /** Events up to here are gone from the log. */
  readonly floor: Cursor;
}

/**
 * Tails the log and hands each event, in the log's order, to the window and to
 * whoever observes it. It runs in the async context in which it was made, so
 * that no publisher's AsyncLocalStorage leaks into a stream, and it never
 * re-enters: what a subscriber publishes comes back through the log.
 */
export class Dispatcher {
  readonly #logger = new Logger('EventHub');
  readonly #pages = new Map<Cursor, Promise<EventPage>>();
  readonly #streams = new Set<DispatchedStream>();
  readonly #abort = new AbortController();
  /** The context in which the application starts, whoever publishes first. */
  readonly #scope = new AsyncResource('EventHub');
  #started: Promise<void> | undefined;
  #position: Cursor = '';
  #epoch = '';
  #obeyed: Cursor = '';
  #running: Promise<void> | undefined;
  readonly #waits = new DispatchWaits();
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
    this.window = new Window(windowOptions, '');
  }

  /** The newest event that this node has dispatched. */
  get position(): Cursor {
    return this.#position;
  }

  /** The newest of the hub's own entries that this node has met, or the position from which on it meets them. */
  get obeyed(): Cursor {
    return this.#obeyed;
  }

  get epoch(): string {
    return this.#epoch;
  }

  get stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Opens the log, fills the window and begins to dispatch. Later calls wait for the first. */
  start(): Promise<void> {
    if (this.stopped) {
      return Promise.reject(
        new LogUnavailableException('The application is shutting down.'),
      );
    }
    return (this.#started ??= this.#start().catch((error: unknown) => {
      // The next caller tries again.
      this.#started = undefined;
      throw error;
    }));
  }

  /** Stops dispatching and ends what `listen` gave out. */
  async stop(): Promise<void> {
    if (this.stopped) {
      return;
    }
    this.#abort.abort();
    this.subjects.complete();
    this.#waits.rejectAll(
      'The application is shutting down before this node has met the entry.',
    );
    if (this.#started !== undefined) {
      await this.#started.catch(() => undefined);
      await this.log.close();
      await this.#running;
    }
  }

  /** Tells a stream when history changes. */
  register(stream: DispatchedStream): void {
    this.#streams.add(stream);
  }

  unregister(stream: DispatchedStream): void {
    this.#streams.delete(stream);
  }

  /** A page of the log after a cursor, read once for all who wait for it. */
  page(after: Cursor): Promise<EventPage> {
    let page = this.#pages.get(after);
    if (page === undefined) {
      page = this.log
        .read(after, PAGE)
        .then(toEventPage)
        .finally(() => this.#pages.delete(after));
      this.#pages.set(after, page);
    }
    return page;
  }

  bounds(): Promise<LogBounds> {
    return this.log.bounds();
  }

  /**
   * Resolves when this node has met one of the hub's own entries.
   * @throws LogUnavailableException when it never will
   */
  dispatched(entry: Cursor): Promise<void> {
    return this.#waits.add(entry, this.#position, this.stopped);
  }

  async #start(): Promise<void> {
    const { epoch, head } = await this.log.open();
    this.#epoch = epoch;
    this.#position = this.#obeyed = head;
    await this.#fillWindow(head);
    this.#running = this.#scope.runInAsyncScope(() => this.#run());
  }

  /** With the newest events, so that clients that come back after a deploy read no log. */
  async #fillWindow(head: Cursor): Promise<void> {
    this.window.clear(head);
    const { events, bytes } = this.window.limits;
    // One more than fits, as the first tells only where the others begin.
    const limit = { events: events + 1, bytes };
    const { entries, floor } = await this.log.readBack(head, limit);
    const [first, ...others] = entries;
    if (first === undefined) {
      return;
    }
    const page = await this.log.read(floor, { events: 1, bytes: 1 });
    const isWhole = page.entries[0]?.cursor === first.cursor;
    // What lies just before a page is not known; the window must not claim to cover it.
    this.window.clear(isWhole ? floor : first.cursor);
    for (const entry of isWhole ? entries : others) {
      this.window.push(toEvent(entry, true));
    }
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
            await this.#obeyMissed(batch.gap);
            this.#changeHistory(batch.gap);
          } else {
            await this.#dispatchAll(batch.records);
            if (batch.floor !== undefined) {
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
      this.window.push(event);
      this.#position = event.id;
    }
    if (event.topic === CONTROL_TOPIC) {
      if (event.id === undefined) {
        return this.#hear(event);
      }
      this.#obey(event);
      return 1;
    }
    return this.subjects.dispatch(event);
  }

  /** Acts on one of the hub's own entries, which no subscriber gets. */
  #obey(event: HubEvent): void {
    try {
      const entry = readControlEntry(event.type, HubEvent.textOf(event));
      if (entry !== undefined) {
        this.#tell(entry);
      }
    } catch (error) {
      this.#logger.error(`Cannot act on ${event.type}`, error);
    }
    this.#obeyed = event.id!;
    this.#waits.resolve(event.id!);
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

  #tell(entry: ControlEntry): void {
    if (entry.type === 'hub.disconnect') {
      this.control?.disconnect(entry);
    } else {
      this.control?.refresh(entry);
    }
  }

  /**
   * Acts on those of the hub's own entries that another history has and this node has not
   * met: no stream may go on in it before.
   */
  async #obeyMissed({ epoch, floor, position }: LogGap): Promise<void> {
    let at =
      epoch === this.#epoch && this.#position > floor ? this.#position : floor;
    while (at < position && !this.stopped) {
      const { entries } = await this.log.read(at, PAGE);
      if (entries.length === 0) {
        return;
      }
      for (const entry of entries) {
        at = entry.cursor;
        if (entry.topic === CONTROL_TOPIC && at <= position) {
          this.#obey(toEvent(entry, true));
        }
      }
    }
  }

  #changeHistory({ epoch, position }: LogGap): void {
    this.#logger.warn(
      `The log's history has changed (epoch ${this.#epoch} → ${epoch}): open streams get hub.reset`,
    );
    this.#epoch = epoch;
    this.#position = this.#obeyed = position;
    this.window.clear(position);
    this.#waits.settle(position);
    this.#early.release();
    for (const stream of Array.from(this.#streams)) {
      stream.historyChanged(position);
    }
  }
}

function toEventPage({ entries, floor }: LogPage): EventPage {
  return { events: entries.map((entry) => toEvent(entry, true)), floor };
}

/**
 * The event that a log's record stands for.
 * @param dispatched whether it is on its way to subscribers
 */
export function toEvent(
  record: LogRecord & { readonly cursor?: Cursor },
  dispatched: boolean,
): HubEvent {
  return new HubEvent({
    id: record.cursor,
    topic: record.topic,
    type: record.type,
    text: record.data,
    time: record.time,
    audience: record.audience,
    dispatched,
  });
}
