import type { LogRecord } from '../../log/event-log.js';

/** A record as a hub appends it. */
export function recordOf(
  data: string,
  more: Partial<LogRecord> = {},
): LogRecord {
  return {
    topic: 'movies',
    type: 'movie.added',
    data: JSON.stringify(data),
    time: Date.now(),
    ...more,
  };
}

/** An entry without fields that are there and undefined. */
export function plain<T extends object>(entry: T): T {
  return Object.fromEntries(
    Object.entries(entry).filter(([, value]) => value !== undefined),
  ) as T;
}
