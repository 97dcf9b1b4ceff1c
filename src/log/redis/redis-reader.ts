import { epochOf } from '../cursor.js';
import type { Cursor } from '../cursor.js';
import type {
  LogBounds,
  LogEntry,
  LogPage,
  LogPageLimit,
} from '../event-log.js';
import { LogUnavailableException } from '../log.exceptions.js';
import type { Connector } from './connector.js';
import { BEGINNING, readCursor, toCursor } from './position.js';
import type { StreamId } from './position.js';
import type { RedisConnection } from './redis-connection.js';
import { explain, isPassing } from './redis-error.js';
import { LinkLostError } from './redis-link.js';
import type { ScriptCaller } from './script-caller.js';
import { READ } from './scripts.js';
import { readEntry } from './stored-entry.js';
import type { RawEntry, StoredEntry } from './stored-entry.js';
import { within } from './within.js';

/** How much one call of the script gives, so that no reader holds the server up. */
const PIECE = { events: 512, bytes: 1024 * 1024 } as const;

type Direction = 'after' | 'through';

type ReadReply = readonly [
  epoch: string,
  floor: StreamId,
  last: StreamId,
  entries: readonly RawEntry[],
];

interface Piece {
  readonly epoch: string;
  readonly floor: StreamId;
  readonly last: StreamId;
  /** In the direction's order. */
  readonly entries: readonly StoredEntry[];
}

/** Several, one behind the other, and what is true at the end of the last. */
interface Pieces extends Piece {
  /** When the first was read: nothing after it was missing then. */
  readonly floorBefore: StreamId;
}

/** Reads pages of a log and its bounds. A read that a broken connection has cost is asked again: it changes nothing. */
export class RedisReader {
  constructor(
    private readonly connector: Connector,
    private readonly connection: RedisConnection,
    private readonly scripts: ScriptCaller,
  ) {}

  /**
   * @param isImpatient whether not to wait for what will not pass by itself
   * @throws LogUnavailableException
   */
  async bounds(isImpatient = false): Promise<LogBounds> {
    const nothing = { events: 0, bytes: 0 };
    const { epoch, floor, last } = await this.#piece(
      '',
      'after',
      BEGINNING,
      nothing,
      isImpatient,
    );
    return {
      epoch,
      floor: toCursor(epoch, floor),
      head: toCursor(epoch, last),
    };
  }

  /** @throws LogUnavailableException */
  async after(cursor: Cursor, limit: LogPageLimit): Promise<LogPage> {
    const { entries, epoch, floor, floorBefore } = await this.#read(
      'after',
      cursor,
      limit,
    );
    if (epoch !== epochOf(cursor)) {
      return pageOfAnother(epoch, floor, cursor);
    }
    // Entries that were deleted by hand are gone as those before the floor are.
    const [first] = entries;
    const isGap =
      first !== undefined &&
      first.previous !== readCursor(cursor)!.id &&
      toCursor(epoch, first.previous) > cursor;
    const hole = entries.findIndex(
      ({ previous }, i) => i > 0 && previous !== entries[i - 1]!.id,
    );
    return {
      entries: upTo(hole, entries).map((entry) => toEntry(epoch, entry)),
      floor: toCursor(epoch, isGap ? first.previous : floorBefore),
    };
  }

  /** @throws LogUnavailableException */
  async through(cursor: Cursor, limit: LogPageLimit): Promise<LogPage> {
    const { entries, epoch, floor } = await this.#read(
      'through',
      cursor,
      limit,
    );
    if (epoch !== epochOf(cursor)) {
      return pageOfAnother(epoch, floor, cursor);
    }
    const hole = entries.findIndex(
      ({ id }, i) => i > 0 && entries[i - 1]!.previous !== id,
    );
    return {
      entries: upTo(hole, entries)
        .map((entry) => toEntry(epoch, entry))
        .reverse(),
      floor: toCursor(epoch, hole === -1 ? floor : entries[hole - 1]!.previous),
    };
  }

  /** Pieces, one after the other, up to the limit. */
  async #read(
    direction: Direction,
    cursor: Cursor,
    limit: LogPageLimit,
  ): Promise<Pieces> {
    const known = epochOf(cursor);
    const entries: StoredEntry[] = [];
    let from = readCursor(cursor)?.id ?? BEGINNING;
    let bytes = 0;
    let floorBefore: StreamId | undefined;
    for (;;) {
      const left = limit.bytes - bytes;
      const wanted = {
        events: Math.min(
          PIECE.events,
          Math.max(1, limit.events) - entries.length,
        ),
        bytes: Math.min(PIECE.bytes, left),
      };
      const piece = await this.#piece(known, direction, from, wanted);
      floorBefore ??= piece.floor;
      for (const entry of piece.entries) {
        bytes += Buffer.byteLength(entry.record.data);
        if (entries.length > 0 && bytes > limit.bytes) {
          return { ...piece, entries, floorBefore };
        }
        entries.push(entry);
      }
      const last = piece.entries.at(-1);
      const hasNoRoom =
        left <= PIECE.bytes && piece.entries.length < wanted.events;
      if (
        last === undefined ||
        last.id === piece.last ||
        hasNoRoom ||
        entries.length >= limit.events ||
        bytes >= limit.bytes
      ) {
        return { ...piece, entries, floorBefore };
      }
      from = direction === 'after' ? last.id : before(last.id);
    }
  }

  async #piece(
    epoch: string,
    direction: Direction,
    from: StreamId,
    limit: LogPageLimit,
    isImpatient = false,
  ): Promise<Piece> {
    const args = [
      epoch,
      direction,
      from,
      String(limit.events),
      String(limit.bytes),
    ];
    const reply = await this.#call(args, isImpatient);
    const entries = reply[3]
      .map(readEntry)
      .filter((entry) => entry !== undefined);
    return { epoch: reply[0], floor: reply[1], last: reply[2], entries };
  }

  #call(args: string[], isImpatient: boolean): Promise<ReadReply> {
    const { address, timeout } = this.connector;
    return within(
      timeout,
      this.#ask(args, isImpatient),
      () =>
        new LogUnavailableException(
          `Redis at ${address} cannot be read: no answer within ${timeout} ms.`,
        ),
    );
  }

  async #ask(args: string[], isImpatient: boolean): Promise<ReadReply> {
    const deadline = Date.now() + this.connector.timeout;
    for (;;) {
      const link = await this.connection.link(deadline, isImpatient);
      try {
        return await this.scripts.call<ReadReply>(link, READ, args);
      } catch (error) {
        const isSafe = error instanceof LinkLostError || isPassing(error);
        if (!isSafe || Date.now() >= deadline) {
          throw new LogUnavailableException(
            `Redis at ${this.connector.address} cannot be read: ${explain(error)}`,
            { cause: error },
          );
        }
        link.destroy(error as Error);
      }
    }
  }
}

function upTo(hole: number, entries: readonly StoredEntry[]) {
  return hole === -1 ? entries : entries.slice(0, hole);
}

function toEntry(epoch: string, { id, record }: StoredEntry): LogEntry {
  return { ...record, cursor: toCursor(epoch, id) };
}

/** The highest id below one. */
function before(id: StreamId): StreamId {
  const [ms, sequence] = id.split('-').map(Number) as [number, number];
  return sequence > 0
    ? `${ms}-${sequence - 1}`
    : `${ms - 1}-18446744073709551615`;
}

/** The cursor's history is not to be had any more; what its reader missed cannot be told. */
function pageOfAnother(
  epoch: string,
  floor: StreamId,
  cursor: Cursor,
): LogPage {
  const at = toCursor(epoch, floor);
  if (at < cursor) {
    throw new LogUnavailableException(
      'The history of the log has changed. Its tail is about to say how it goes on.',
    );
  }
  return { entries: [], floor: at };
}
