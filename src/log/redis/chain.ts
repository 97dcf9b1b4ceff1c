import { epochOf } from '../cursor.js';
import type { Cursor } from '../cursor.js';
import type { LogEntry, LogGap } from '../event-log.js';
import { BEGINNING, readCursor, toCursor } from './position.js';
import type { StreamId } from './position.js';
import { markedEpoch, readEntry } from './stored-entry.js';
import type { RawEntry, StoredEntry } from './stored-entry.js';

/** Where the server says that the history is, seen from a reader's place in it. */
export interface Confirmation {
  readonly epoch: string;
  readonly floor: StreamId;
  /** The place after which the reader has not seen the history. */
  readonly from: StreamId;
}

/** What was taken of a read. */
export interface Taken {
  readonly entries: readonly LogEntry[];
  /** What follows does not fit: the history may have changed. */
  readonly isDoubtful: boolean;
  /** An entry that is not the log's was passed over. */
  readonly hasForeign: boolean;
}

/**
 * A reader's place in the history. Each entry names the one before it, so a reader who compares meets no
 * hole and no other history without knowing.
 */
export class Chain {
  #epoch: string;
  #position: StreamId;
  #offset: StreamId;
  /** This entry was asked about, and belongs here. */
  #confirmed: StreamId | undefined;
  #doubted: StreamId | undefined;

  constructor(after: Cursor) {
    this.#epoch = epochOf(after);
    this.#position = this.#offset = readCursor(after)?.id ?? BEGINNING;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The newest entry that was taken, or where the reader began. */
  get position(): StreamId {
    return this.#position;
  }

  /** After which entry to read on: the position, or one that is not the log's. */
  get offset(): StreamId {
    return this.#offset;
  }

  /** Takes entries as long as each follows the one before. */
  take(raw: readonly RawEntry[]): Taken {
    const entries: LogEntry[] = [];
    let hasForeign = false;
    for (const one of raw) {
      const entry = readEntry(one);
      if (entry === undefined) {
        hasForeign = true;
      } else if (this.#isDoubtful(entry)) {
        this.#doubted = entry.id;
        return { entries, isDoubtful: true, hasForeign };
      } else {
        entries.push({
          ...entry.record,
          cursor: toCursor(this.#epoch, entry.id),
        });
        this.#position = entry.id;
      }
      this.#offset = one[0];
    }
    return { entries, isDoubtful: false, hasForeign };
  }

  /**
   * Goes on where the server says.
   * @returns the gap, if that is not where the reader was
   */
  confirm({ epoch, floor, from }: Confirmation): LogGap | undefined {
    this.#confirmed = this.#doubted;
    const isSame = epoch === this.#epoch;
    if (isSame && from === this.#position) {
      return undefined;
    }
    this.#epoch = epoch;
    this.#position = this.#offset = from;
    return {
      epoch,
      // What was deleted from the midst of a history is gone as what is before it.
      floor: toCursor(epoch, isSame ? from : floor),
      position: toCursor(epoch, from),
    };
  }

  /**
   * Whether an entry is not the next one of this history, or may be of another: the first entry of
   * all is everybody's next one, and a mark says that another epoch begins.
   */
  #isDoubtful({ id, previous, record }: StoredEntry): boolean {
    if (previous !== this.#position) {
      return true;
    }
    const marked = markedEpoch(record);
    return (
      id !== this.#confirmed &&
      (previous === BEGINNING ||
        (marked !== undefined && marked !== this.#epoch))
    );
  }
}
