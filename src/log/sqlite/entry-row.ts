import type { Cursor } from '../cursor.js';
import { cursorAt, epochOf } from '../cursor.js';
import type { Audience, LogEntry, LogRecord } from '../event-log.js';
import type { EntryRow, StoredRow, Text } from './writer/messages.js';

/**
 * A record as the file keeps it.
 *
 * @throws TypeError for what a file cannot keep; others that are appended with it must not suffer
 */
export function toRow(record: LogRecord): EntryRow {
  const { topic, type, data, time, audience, idempotencyKey } = record;
  const isText = [topic, type, data].every((one) => typeof one === 'string');
  if (!isText || !Number.isFinite(time)) {
    throw new TypeError(
      'A record of a log has "topic", "type" and "data" as strings and "time" as a number.',
    );
  }
  return {
    time,
    bytes: Buffer.byteLength(data),
    topic: toText(topic),
    type: toText(type),
    audience: audience === undefined ? null : JSON.stringify(audience),
    key: idempotencyKey === undefined ? null : JSON.stringify(idempotencyKey),
    data: toText(data),
  };
}

/** An entry of which nothing is shared with what was appended. */
export function toEntry(row: EntryRow, cursor: Cursor): LogEntry {
  const entry: { -readonly [Key in keyof LogEntry]: LogEntry[Key] } = {
    topic: fromText(row.topic),
    type: fromText(row.type),
    data: fromText(row.data),
    time: row.time,
    cursor,
  };
  if (row.audience !== null) {
    entry.audience = JSON.parse(row.audience) as Audience;
  }
  if (row.key !== null) {
    entry.idempotencyKey = JSON.parse(row.key) as string;
  }
  return entry;
}

/** An entry read from the file. */
export function toStoredEntry(row: StoredRow, epoch: string): LogEntry {
  return toEntry(row, cursorAt(epoch, row.position));
}

/** The position in a history that a cursor stands for; 0, before all entries, if it is none of that history. */
export function positionOf(cursor: Cursor, epoch: string): number {
  const position = parseInt(cursor.slice(epoch.length + 1), 36);
  return epochOf(cursor) === epoch && position >= 0 ? position : 0;
}

/** Node 22 gives text back only up to a NUL in it; bytes it gives back whole. */
function toText(text: string): Text {
  return text.includes('\0') ? Buffer.from(text) : text;
}

function fromText(text: Text): string {
  return typeof text === 'string' ? text : Buffer.from(text).toString();
}
