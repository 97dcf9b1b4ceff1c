import type { Cursor } from '../cursor.js';

/** Where an entry is in a stream, as Redis names it: `<ms>-<sequence>`. */
export type StreamId = string;

/** Before the first entry of a stream. */
export const BEGINNING: StreamId = '0-0';

/** Milliseconds in base 36: enough until the year 5188. */
const MS_WIDTH = 9;

/** Entries of one millisecond in base 36: sixty million. */
const SEQUENCE_WIDTH = 5;

const MOST_MS = 36 ** MS_WIDTH - 1;
const MOST_SEQUENCE = 36 ** SEQUENCE_WIDTH - 1;

const ID = /^(\d+)-(\d+)$/;
const CURSOR = new RegExp(
  `^([0-9a-z]+)-([0-9a-z]{${MS_WIDTH}})([0-9a-z]{${SEQUENCE_WIDTH}})$`,
);

/**
 * Makes the cursor of an entry, so that byte order is the stream's order.
 *
 * @throws RangeError for an id that only a foreign hand can have made
 */
export function toCursor(epoch: string, id: StreamId): Cursor {
  const [, ms, sequence] = ID.exec(id) ?? [];
  if (!(Number(ms) <= MOST_MS && Number(sequence) <= MOST_SEQUENCE)) {
    throw new RangeError(
      `The stream id ${id} fits no cursor. The server numbers entries by its clock; this one was added by hand (XADD, XSETID).`,
    );
  }
  return `${epoch}-${base36(ms!, MS_WIDTH)}${base36(sequence!, SEQUENCE_WIDTH)}`;
}

/** The history and the place that a cursor names; `undefined` if it is none of this log's. */
export function readCursor(
  cursor: Cursor,
): { readonly epoch: string; readonly id: StreamId } | undefined {
  const [, epoch, ms, sequence] = CURSOR.exec(cursor) ?? [];
  return epoch === undefined
    ? undefined
    : { epoch, id: `${parseInt(ms!, 36)}-${parseInt(sequence!, 36)}` };
}

function base36(decimal: string, width: number): string {
  return Number(decimal).toString(36).padStart(width, '0');
}
