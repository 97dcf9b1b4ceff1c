import { cursorAt } from '../cursor.js';
import type { LogEntry, LogRecord } from '../event-log.js';
import { toEntry, toRow, toStoredEntry } from './entry-row.js';
import type { AppendResult, EntryRow } from './writer/messages.js';

/** What a row takes beside its data, roughly, in bytes: many small ones fill a commit as well. */
const ROW_BYTES = 256;

interface PendingAppend {
  readonly rows: readonly EntryRow[];
  readonly bytes: number;
  readonly resolve: (entries: readonly LogEntry[]) => void;
  readonly reject: (error: Error) => void;
}

/** Appends that wait for a commit. */
export class CommitQueue {
  #pending: PendingAppend[] = [];

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** @throws TypeError for what cannot be kept */
  add(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    return new Promise((resolve, reject) => {
      const rows = records.map(toRow);
      const bytes = rows.reduce((sum, row) => sum + row.bytes + ROW_BYTES, 0);
      this.#pending.push({ rows, bytes, resolve, reject });
    });
  }

  /** The oldest appends, one or as many as fit. */
  take(most: number): CommitBatch {
    let bytes = 0;
    let taken = 0;
    do {
      bytes += this.#pending[taken++]!.bytes;
    } while (
      taken < this.#pending.length &&
      bytes + this.#pending[taken]!.bytes <= most
    );
    return new CommitBatch(this.#pending.splice(0, taken));
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.#pending.splice(0)) {
      reject(error);
    }
  }
}

/** Appends that share a commit. */
export class CommitBatch {
  readonly rows: readonly EntryRow[];

  constructor(private readonly appends: readonly PendingAppend[]) {
    this.rows = appends.flatMap(({ rows }) => rows);
  }

  /** @returns the entries of the rows, and which of them are new, in order */
  entriesOf(
    { positions, earlier }: AppendResult,
    epoch: string,
  ): {
    readonly all: readonly LogEntry[];
    readonly added: readonly LogEntry[];
  } {
    const known = new Map(
      earlier.map((row) => [row.position, toStoredEntry(row, epoch)]),
    );
    const added: LogEntry[] = [];
    const all = this.rows.map((row, index) => {
      const position = positions[index]!;
      let entry = known.get(position);
      if (entry === undefined) {
        entry = toEntry(row, cursorAt(epoch, position));
        known.set(position, entry);
        added.push(entry);
      }
      return entry;
    });
    return { all, added };
  }

  resolve(entries: readonly LogEntry[]): void {
    let start = 0;
    for (const { rows, resolve } of this.appends) {
      resolve(entries.slice(start, (start += rows.length)));
    }
  }

  reject(error: Error): void {
    for (const { reject } of this.appends) {
      reject(error);
    }
  }
}
