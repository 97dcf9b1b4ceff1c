import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import type { Dispatcher } from './dispatcher.js';
import type { HubEvent } from './hub-event.js';
import { InvalidStreamException } from './hub.exceptions.js';
import { PAGE } from './log-reader.js';
import type { Selection } from './selection.js';

/**
 * Which retained events a client without a cursor gets first: the last so many
 * that the stream selects, those published since a time, or all.
 */
export type Rewind = number | { readonly since: Date } | 'all';

/**
 * @param method what the message of an error begins with
 * @throws InvalidStreamException
 */
export function checkRewind(method: string, rewind: unknown): void {
  const isCount =
    typeof rewind === 'number' && Number.isInteger(rewind) && rewind >= 0;
  const isTime =
    typeof rewind === 'object' &&
    rewind !== null &&
    'since' in rewind &&
    rewind.since instanceof Date &&
    !Number.isNaN(rewind.since.getTime());
  if (!isCount && !isTime && rewind !== 'all') {
    throw new InvalidStreamException(
      `${method}: "rewind" must be a number of events from 0, { since: Date } or 'all'.`,
    );
  }
}

/**
 * The cursor after which a rewound stream starts, as far as this node's window tells;
 * `undefined`: the log has to be asked.
 */
export function rewindInWindow(
  dispatcher: Dispatcher,
  selection: Selection,
  rewind: Rewind,
): Cursor | undefined {
  const { window, floor, position } = dispatcher;
  if (rewind === 0) {
    return position;
  }
  const holdsAll = window.covers(floor);
  if (typeof rewind === 'number') {
    const { before } = countInWindow(dispatcher, selection, rewind);
    return before ?? (holdsAll ? window.floor : undefined);
  }
  if (!holdsAll) {
    return undefined;
  }
  return rewind === 'all'
    ? floor
    : (firstSince(window.after(floor, EVERYTHING), rewind.since, floor) ??
        position);
}

/**
 * The same out of the log.
 *
 * @param who asks it; see `Dispatcher.leave`
 * @returns `undefined` when the log has another history than this node by now
 */
export async function rewindInLog(
  dispatcher: Dispatcher,
  selection: Selection,
  rewind: Rewind,
  who: object,
): Promise<Cursor | undefined> {
  if (typeof rewind === 'number') {
    return lastInLog(dispatcher, selection, rewind, who);
  }
  const { epoch, floor } = await dispatcher.bounds(who);
  if (epoch !== dispatcher.epoch) {
    return undefined;
  }
  return rewind === 'all'
    ? floor
    : firstInLog(dispatcher, rewind.since, floor, who);
}

const EVERYTHING = { events: Infinity, bytes: Infinity } as const;

/** So much that two events always fit. */
const TWO = { events: 2, bytes: Number.MAX_SAFE_INTEGER } as const;

/** Room for the event that two pages have in common. */
const OVERLAPPING = { ...PAGE, events: PAGE.events + 1 } as const;

/**
 * Goes back through the window until so many events are selected.
 * @returns how many are, and the cursor in front of the first of them if they are enough
 */
function countInWindow(
  { window }: Dispatcher,
  selection: Selection,
  count: number,
): { readonly found: number; readonly before?: Cursor } {
  let found = 0;
  for (const event of window.newestFirst()) {
    if (found === count) {
      return { found, before: event.id! };
    }
    if (isSelected(selection, event)) {
      found++;
    }
  }
  return found === count ? { found, before: window.floor } : { found };
}

/**
 * The window has too few. It goes back page by page: each begins with the event that the one behind it
 * ended with, as nothing else names the place before an event.
 */
async function lastInLog(
  dispatcher: Dispatcher,
  selection: Selection,
  count: number,
  who: object,
): Promise<Cursor | undefined> {
  const inWindow = countInWindow(dispatcher, selection, count);
  if (inWindow.before !== undefined) {
    return inWindow.before;
  }
  let { found } = inWindow;
  /** From here on everything is counted. */
  let counted: Cursor | undefined;
  let through = dispatcher.window.floor;
  let limit = PAGE;
  while (true) {
    const page = await dispatcher.pageBack(through, who, limit);
    if (epochOf(page.floor) !== epochOf(through)) {
      return undefined;
    }
    const older = page.events.filter(
      ({ id }) => counted === undefined || id! < counted,
    );
    if (older.length === 0) {
      if (page.events.length === 0 || limit === TWO) {
        return page.floor;
      }
      // The event in common filled the page.
      limit = TWO;
      continue;
    }
    for (const event of older.reverse()) {
      if (found === count) {
        return event.id!;
      }
      if (isSelected(selection, event)) {
        found++;
      }
      counted = through = event.id!;
    }
    limit = OVERLAPPING;
  }
}

/** The cursor in front of the first event that was published since a time. */
function firstSince(
  events: readonly HubEvent[],
  since: Date,
  before: Cursor,
): Cursor | undefined {
  const first = events.findIndex(({ time }) => time >= since);
  return first < 0 ? undefined : first === 0 ? before : events[first - 1]!.id;
}

/** From the oldest on: publishers' clocks differ, so times are in no order. */
async function firstInLog(
  dispatcher: Dispatcher,
  since: Date,
  floor: Cursor,
  who: object,
): Promise<Cursor | undefined> {
  const { epoch } = dispatcher;
  let before = floor;
  while (dispatcher.epoch === epoch) {
    if (before >= dispatcher.position) {
      return dispatcher.position;
    }
    const page = dispatcher.window.covers(before)
      ? { events: dispatcher.window.after(before, EVERYTHING), floor: before }
      : await dispatcher.page(before, who);
    if (epochOf(page.floor) !== epochOf(before)) {
      return undefined;
    }
    if (page.floor > before) {
      before = page.floor;
    }
    const first = firstSince(page.events, since, before);
    const last = page.events.at(-1)?.id;
    if (first !== undefined || last === undefined) {
      return first ?? dispatcher.position;
    }
    before = last;
  }
  return undefined;
}

function isSelected(selection: Selection, event: HubEvent): boolean {
  try {
    return selection.covers(event) && selection.accepts(event);
  } catch {
    // The stream meets the same error when it gets there, and reports it.
    return true;
  }
}
