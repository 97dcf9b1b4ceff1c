import type { LogRecord } from 'nestjs-sse-hub';

/** A record with some data. */
export function recordOf(
  data: unknown,
  more: Partial<LogRecord> = {},
): LogRecord {
  return {
    topic: 'movies',
    type: 'message',
    data: JSON.stringify(data),
    time: Date.now(),
    ...more,
  };
}

/** The data of entries, parsed. */
export function dataOf(records: readonly LogRecord[]): unknown[] {
  return records.map(({ data }) => JSON.parse(data) as unknown);
}
