import type { Cursor } from '../log/cursor.js';
import type { LogPageLimit } from '../log/event-log.js';
import { RetainedSequence } from '../log/retained-sequence.js';
import { HubEvent } from './hub-event.js';

/** How much of the newest history a node keeps in memory in front of the log. */
export interface WindowOptions {
  /**
   * Events.
   * @default 2_048
   */
  events?: number;
  /**
   * Bytes of event data.
   * @default 8_388_608 (8 MiB)
   */
  bytes?: number;
}

/** What `WindowOptions` are when left out. */
export const WINDOW_DEFAULTS: Required<WindowOptions> = {
  events: 2_048,
  bytes: 8 * 1024 * 1024,
};

/** What one reader takes of the window before the event loop and the flusher get their turn. */
export const SLICE: LogPageLimit = { events: 256, bytes: 64 * 1024 };

/** The newest events, shared by every replay. */
export class Window {
  #events: RetainedSequence<HubEvent>;
  readonly limits: LogPageLimit;

  constructor(options: WindowOptions, floor: Cursor) {
    this.limits = {
      events: options.events ?? WINDOW_DEFAULTS.events,
      bytes: options.bytes ?? WINDOW_DEFAULTS.bytes,
    };
    this.#events = new RetainedSequence(this.limits, floor);
  }

  /** The highest cursor that is not in the window any more. */
  get floor(): Cursor {
    return this.#events.floor;
  }

  push(event: HubEvent): void {
    this.#events.push(
      event.id!,
      event,
      Buffer.byteLength(HubEvent.textOf(event)),
    );
  }

  /** Forgets what the log has trimmed. */
  trim(floor: Cursor): void {
    this.#events.dropThrough(floor);
  }

  /** Starts anew at a cursor, as the history before it is gone. */
  clear(floor: Cursor): void {
    this.#events = new RetainedSequence(this.limits, floor);
  }

  /** Whether every event after the cursor is here. */
  covers(cursor: Cursor): boolean {
    return this.#events.covers(cursor);
  }

  /** Whether a cursor that it covers is a place in the history: where it begins, or an event's. */
  knows(cursor: Cursor): boolean {
    return cursor === this.floor || this.#events.has(cursor);
  }

  after(cursor: Cursor, limit: LogPageLimit): HubEvent[] {
    return this.#events.after(cursor, limit);
  }

  newestFirst(): Generator<HubEvent> {
    return this.#events.newestFirst();
  }
}
