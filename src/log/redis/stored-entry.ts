import type { Audience, LogRecord } from '../event-log.js';
import type { StreamId } from './position.js';

/** An entry of a stream as Redis gives it: its id, then names and values of its fields. */
export type RawEntry = readonly [id: StreamId, fields: readonly string[]];

/** An entry of the log as it is kept in the stream. */
export interface StoredEntry {
  readonly id: StreamId;
  /** The entry before it, also where that is gone: what names another has a hole in front of it. */
  readonly previous: StreamId;
  readonly record: LogRecord;
}

/**
 * The topic of the hub's own entries and, under it, the type of this log's: it marks the place from which
 * on a history that has lost entries has another epoch. The hub passes over types that it does not know.
 */
const MARK = { topic: '*hub', type: 'hub.history' } as const;

/** The entry before, the bytes of data up to here, and the time. */
const AT = /^(\d+-\d+) \d+ (\S+)$/;

/** What the server is given of a record: time, idempotency key, what describes the event, its data. */
export function toArguments(record: LogRecord): string[] {
  const { topic, type, audience, idempotencyKey, time, data } = record;
  return [
    String(time),
    idempotencyKey ?? '',
    describe(topic, type, audience, idempotencyKey),
    data,
  ];
}

/** What describes the entry that marks a new epoch. */
export const MARK_EVENT = describe(MARK.topic, MARK.type);

/**
 * Reads an entry. All have the same fields in the same order, so that Redis keeps their names once for
 * many entries: `at` is what is before the entry, the bytes of data up to it, and its time.
 *
 * @returns `undefined` for an entry that is not the log's
 */
export function readEntry([id, fields]: RawEntry): StoredEntry | undefined {
  const [atName, at, eventName, event, dataName, data] = fields;
  if (
    fields.length !== 6 ||
    atName !== 'at' ||
    eventName !== 'event' ||
    dataName !== 'data'
  ) {
    return undefined;
  }
  const [, previous, time] = AT.exec(at!) ?? [];
  return previous === undefined
    ? undefined
    : {
        id,
        previous,
        record: { ...readEvent(event!), data: data!, time: Number(time) },
      };
}

/** The epoch that begins at an entry, if it marks one. */
export function markedEpoch({ topic, type, data }: LogRecord) {
  return topic === MARK.topic && type === MARK.type
    ? (JSON.parse(data) as { epoch: string }).epoch
    : undefined;
}

/** An entry that this version cannot read keeps its place, and the hub passes over it. */
function readEvent(event: string): Omit<LogRecord, 'data' | 'time'> {
  try {
    const [topic, type, audience, idempotencyKey] = JSON.parse(event) as [
      string,
      string,
      Audience | null | undefined,
      string | undefined,
    ];
    return {
      topic,
      type,
      ...(audience && { audience }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
  } catch {
    return { topic: MARK.topic, type: 'hub.unreadable' };
  }
}

function describe(
  topic: string,
  type: string,
  audience?: Audience,
  key?: string,
): string {
  return JSON.stringify(
    key !== undefined
      ? [topic, type, audience ?? null, key]
      : audience !== undefined
        ? [topic, type, audience]
        : [topic, type],
  );
}
