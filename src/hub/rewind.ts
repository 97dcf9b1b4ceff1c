import type { Cursor } from '../log/cursor.js';
import type { Dispatcher } from './dispatcher.js';
import type { HubEvent } from './hub-event.js';
import { InvalidStreamException } from './hub.exceptions.js';
import type { Selection } from './selection.js';

/**
 * Which retained events a client without a cursor gets first: the last so many
 * that the stream selects, those published since a time, or all.
 */
export type Rewind = number | { readonly since: Date } | 'all';

/** @throws InvalidStreamException */
export function checkRewind(rewind: Rewind): void {
  const isCount =
    typeof rewind === 'number' && Number.isInteger(rewind) && rewind >= 0;
  const isTime =
    typeof rewind === 'object' &&
    rewind !== null &&
    rewind.since instanceof Date &&
    !Number.isNaN(rewind.since.getTime());
  if (!isCount && !isTime && rewind !== 'all') {
    throw new InvalidStreamException(
      `hub.stream: "rewind" must be a number of events from 0, { since: Date } or 'all'.`,
    );
  }
}

/** The cursor after which a rewound stream starts. */
export async function findRewindCursor(
  dispatcher: Dispatcher,
  selection: Selection,
  rewind: Rewind,
): Promise<Cursor> {
  const { floor } = await dispatcher.bounds();
  if (rewind === 'all') {
    return floor;
  }
  return typeof rewind === 'number'
    ? lastEvents(dispatcher, selection, rewind, floor)
    : firstSince(dispatcher, rewind.since, floor);
}

async function lastEvents(
  dispatcher: Dispatcher,
  selection: Selection,
  count: number,
  floor: Cursor,
): Promise<Cursor> {
  if (count === 0) {
    return dispatcher.position;
  }
  let found = 0;
  let before = false;
  for (const event of dispatcher.window.newestFirst()) {
    if (before) {
      return event.id!;
    }
    if (isSelected(selection, event)) {
      before = ++found === count;
    }
  }
  if (before || dispatcher.window.covers(floor)) {
    return dispatcher.window.floor;
  }
  return lastInLog(dispatcher, selection, count, floor);
}

/** The window has too few: one pass over the whole log keeps the last `count`. */
async function lastInLog(
  dispatcher: Dispatcher,
  selection: Selection,
  count: number,
  floor: Cursor,
): Promise<Cursor> {
  const starts: Cursor[] = [];
  for await (const { event, before } of readLog(dispatcher, floor)) {
    if (isSelected(selection, event)) {
      starts.push(before);
      if (starts.length > count) {
        starts.shift();
      }
    }
  }
  return starts[0] ?? dispatcher.position;
}

async function firstSince(
  dispatcher: Dispatcher,
  since: Date,
  floor: Cursor,
): Promise<Cursor> {
  for await (const { event, before } of readLog(dispatcher, floor)) {
    if (event.time >= since) {
      return before;
    }
  }
  return dispatcher.position;
}

/** Every retained event up to the dispatcher's position, with the cursor in front of it. */
async function* readLog(
  dispatcher: Dispatcher,
  floor: Cursor,
): AsyncGenerator<{ event: HubEvent; before: Cursor }> {
  let before = floor;
  while (before < dispatcher.position) {
    const { events } = await dispatcher.page(before);
    if (events.length === 0) {
      return;
    }
    for (const event of events) {
      if (event.id! > dispatcher.position) {
        return;
      }
      yield { event, before };
      before = event.id!;
    }
  }
}

function isSelected(selection: Selection, event: HubEvent): boolean {
  try {
    return selection.covers(event) && selection.accepts(event);
  } catch {
    // The stream meets the same error when it gets there, and reports it.
    return true;
  }
}
