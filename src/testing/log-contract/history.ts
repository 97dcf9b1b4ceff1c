import assert from 'node:assert/strict';
import type { Cursor } from '../../log/cursor.js';
import type { EventLog, LogEntry, LogPageLimit } from '../../log/event-log.js';
import { plain } from './record.js';
import type { TailReader } from './tail-reader.js';

const LARGE_PAGE: LogPageLimit = { events: 500, bytes: 4 * 1024 * 1024 };

/** Entries as they were acknowledged, brought into the log's order, each once. */
export function inOrder(entries: readonly LogEntry[]): LogEntry[] {
  const byCursor = new Map(entries.map((entry) => [entry.cursor, entry]));
  return [...byCursor.values()].sort((a, b) => (a.cursor < b.cursor ? -1 : 1));
}

/** Every retained entry after a cursor, page by page. */
export async function readAll(
  log: EventLog,
  after: Cursor,
  limit: () => LogPageLimit = () => LARGE_PAGE,
): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  let at = after;
  while (true) {
    const { entries } = await log.read(at, limit());
    const last = entries.at(-1);
    if (last === undefined) {
      return all;
    }
    assert.ok(
      last.cursor > at,
      'a page holds entries after the cursor, the oldest first',
    );
    all.push(...entries);
    at = last.cursor;
  }
}

/** Every retained entry. */
export async function retained(log: EventLog): Promise<LogEntry[]> {
  const { floor } = await log.bounds();
  return readAll(log, floor);
}

/** The entries are the same, one by one and in every field. */
export function assertSame(
  actual: readonly LogEntry[],
  expected: readonly LogEntry[],
  what: string,
): void {
  // The cursors first: a difference in order is easier to read without the data.
  assert.deepEqual(
    actual.map(({ cursor }) => cursor),
    expected.map(({ cursor }) => cursor),
    `${what}: other entries, or another order`,
  );
  actual.forEach((entry, i) =>
    assert.deepEqual(plain(entry), plain(expected[i]!), what),
  );
}

/**
 * A tail has told the history of one epoch to its end: each entry after its start once and in
 * order, but for those that a gap has said to be gone.
 */
export function assertTold(
  reader: TailReader,
  history: readonly LogEntry[],
): void {
  reader.check();
  let position = reader.after;
  let next = 0;
  for (const item of reader.told) {
    if ('gap' in item) {
      ({ position } = item.gap);
      continue;
    }
    while (next < history.length && history[next]!.cursor <= position) {
      next++;
    }
    const expected = history.slice(next, next + 1);
    assertSame([item.entry], expected, `a tail after ${position}`);
    position = item.entry.cursor;
  }
  const last = history.at(-1)?.cursor ?? position;
  assert.ok(position >= last, `a tail stopped at ${position} before ${last}`);
}
