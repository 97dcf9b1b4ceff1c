import { epochOf } from '../log/cursor.js';
import type { EventLog, LogBounds } from '../log/event-log.js';
import { toEvent } from './to-event.js';
import type { Window } from './window.js';

/**
 * Fills a window with the log's newest events, so that clients that come back after a deploy
 * read no log.
 *
 * @throws LogUnavailableException
 */
export async function fillWindow(
  window: Window,
  log: EventLog,
  { epoch, head }: LogBounds,
): Promise<void> {
  window.clear(head);
  const { events, bytes } = window.limits;
  // One more than fits, as the first tells only where the others begin.
  const limit = { events: events + 1, bytes };
  const { entries, floor } = await log.readBack(head, limit);
  const [first, ...others] = entries;
  if (first === undefined || epochOf(first.cursor) !== epoch) {
    // Trimmed meanwhile, or another history, of which the tail will tell.
    return;
  }
  const page = await log.read(floor, { events: 1, bytes: 1 });
  const isWhole = page.entries[0]?.cursor === first.cursor;
  // What lies just before a page is not known; the window must not claim to cover it.
  window.clear(isWhole ? floor : first.cursor);
  for (const entry of isWhole ? entries : others) {
    window.push(toEvent(entry, true));
  }
}
