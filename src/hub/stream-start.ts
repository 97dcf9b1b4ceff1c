import type { Cursor } from '../log/cursor.js';
import { epochOf, isCursor } from '../log/cursor.js';
import type { LogBounds } from '../log/event-log.js';
import type { Dispatcher } from './dispatcher.js';
import type { EventPage } from './log-reader.js';
import { rewindInLog, rewindInWindow } from './rewind.js';
import type { Rewind } from './rewind.js';
import type { Selection } from './selection.js';
import type { Reset, ResetReason } from './stream-connection.js';

/** Where a stream starts. */
export interface Start {
  readonly cursor: Cursor;
  /** What its client is told instead of going on where it was. */
  readonly reset?: Reset;
}

/** What a client comes with, and gets without a cursor that holds. */
export interface Arrival {
  readonly selection: Selection;
  readonly rewind: Rewind | undefined;
  /** The cursor that it sent. */
  readonly from: string | undefined;
  /** The one behind which a client begins that sent none, or none that holds. */
  readonly after?: string;
  /** Who asks the log; see `Dispatcher.leave`. */
  readonly who: object;
}

/** One entry, to see whether it is there. */
const ONE = { events: 1, bytes: 1 } as const;

/** Finds out where a stream starts: from what this node knows, else from the log. */
export class StreamStart {
  /** What the log has said; it counts in the epoch in which it was asked. */
  #epoch = '';
  #bounds: LogBounds | undefined;
  /** What lies at cursors that are older than the window. */
  readonly #places = new Map<Cursor, EventPage>();
  #rewound: Cursor | undefined;

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly arrival: Arrival,
  ) {}

  /** What the client may keep as its cursor while the log is asked: its own, or none. */
  get kept(): Cursor | undefined {
    const { from } = this.arrival;
    return from !== undefined && isCursor(from) ? from : undefined;
  }

  /** What is known; `undefined`: the log has to be asked, again if it was. */
  find(): Start | undefined {
    if (this.#epoch !== this.dispatcher.epoch) {
      this.#epoch = this.dispatcher.epoch;
      this.#bounds = this.#rewound = undefined;
      this.#places.clear();
    }
    let reset: Reset | undefined;
    for (const cursor of this.#cursors()) {
      const verdict = this.#judge(cursor);
      if (verdict === undefined) {
        return undefined;
      }
      if (verdict === 'covered') {
        return { cursor, reset };
      }
      reset ??= {
        reason: verdict,
        cursor: verdict === 'malformed' ? null : cursor,
      };
    }
    return this.#startAnew(reset);
  }

  /**
   * Asks the log what is to be known next, for as long as its engine is away. When it has
   * another history than this node, it waits until the node has it too.
   *
   * @throws what the log fails with otherwise
   */
  async ask(): Promise<void> {
    const { dispatcher } = this;
    const { selection, rewind, who } = this.arrival;
    const epoch = this.#epoch;
    const open = this.#cursors().find((cursor) => !this.#judge(cursor));
    let told: Cursor | undefined;
    if (open === undefined) {
      this.#rewound = await rewindInLog(dispatcher, selection, rewind!, who);
      told = this.#rewound;
    } else if (this.#isOlderThanWindow(open)) {
      const place = await dispatcher.pageBack(open, who, ONE);
      this.#places.set(open, place);
      told = place.floor;
    } else {
      this.#bounds = await dispatcher.bounds(who);
      told = this.#bounds.floor;
    }
    if (told === undefined || epochOf(told) !== epoch) {
      await dispatcher.historyAfter(epoch, who);
    }
  }

  /** Where a client starts that has no cursor, or none that holds. */
  #startAnew(reset: Reset | undefined): Start | undefined {
    const { dispatcher } = this;
    const { selection, rewind } = this.arrival;
    const cursor =
      rewind === undefined
        ? dispatcher.position
        : (rewindInWindow(dispatcher, selection, rewind) ?? this.#rewound);
    return cursor === undefined ? undefined : { cursor, reset };
  }

  /** Where it may continue, the first that holds. */
  #cursors(): readonly string[] {
    const { from, after } = this.arrival;
    return [from, after].filter((cursor) => cursor !== undefined);
  }

  /** What is known of a cursor. */
  #judge(from: string): ResetReason | 'covered' | undefined {
    const { position, epoch, head, window } = this.dispatcher;
    if (!isCursor(from)) {
      return 'malformed';
    }
    if (epochOf(from) !== epoch) {
      // Perhaps it is this node that does not know the newest history yet.
      return this.#bounds && 'epoch';
    }
    if (from.length !== position.length) {
      return 'malformed';
    }
    if (from > position) {
      // Another node was further. It is a floor, unless the log has not got there.
      return from <= head ? 'covered' : this.#bounds && 'unknown';
    }
    if (this.#isOlderThanWindow(from)) {
      const place = this.#places.get(from);
      return place && judgePlace(from, place);
    }
    return window.knows(from)
      ? 'covered'
      : this.#bounds && judgeStranger(from, this.#bounds);
  }

  #isOlderThanWindow(from: Cursor): boolean {
    const { epoch, window } = this.dispatcher;
    return epochOf(from) === epoch && !window.covers(from);
  }
}

/** A cursor older than the window: the log has it, or begins there. */
function judgePlace(
  from: Cursor,
  { events, floor }: EventPage,
): ResetReason | 'covered' {
  if (floor > from) {
    return 'evicted';
  }
  return floor === from || events.at(-1)?.id === from ? 'covered' : 'unknown';
}

/** A cursor that is no event's although the window covers it: only where the log begins. */
function judgeStranger(
  from: Cursor,
  { floor }: LogBounds,
): ResetReason | 'covered' {
  return from === floor ? 'covered' : from < floor ? 'evicted' : 'unknown';
}
