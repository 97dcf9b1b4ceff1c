import type { Cursor } from '../log/cursor.js';
import type { LogRecord } from '../log/event-log.js';
import { HubEvent } from './hub-event.js';

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
