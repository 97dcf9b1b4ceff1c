/** Bytes where text would not come back as it was. */
export type Text = string | Uint8Array;

/** An entry as the file has it, but for its position. */
export interface EntryRow {
  readonly time: number;
  /** Of `data`, in UTF-8. */
  readonly bytes: number;
  readonly topic: Text;
  readonly type: Text;
  /** As JSON. */
  readonly audience: string | null;
  /** The idempotency key as JSON: two keys never become the same text in UTF-8. */
  readonly key: string | null;
  readonly data: Text;
}

export interface StoredRow extends EntryRow {
  readonly position: number;
}

/** What the thread that writes is started with. */
export interface WriterSettings {
  readonly file: string;
  readonly synchronous: 'full' | 'normal';
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** In milliseconds. */
  readonly maxAge: number;
  /** How long another process may still have the file, in milliseconds. */
  readonly lockTimeout: number;
  /** What this process has given out before the file was opened anew. */
  readonly known?: { readonly epoch: string; readonly head: number };
  /** Whether all of the file is to be looked through, as a part of it was damaged. */
  readonly check: boolean;
}

/** The file's history, once it is open. */
export interface OpenedHistory {
  /** Without symbolic links. */
  readonly file: string;
  readonly epoch: string;
  /** The epoch that the file had; another one when the positions after some point may be used again. */
  readonly formerEpoch: string;
  readonly state: HistoryState;
}

/** What the file retains after a change. */
export interface HistoryState {
  readonly floor: number;
  readonly head: number;
  /** When the oldest retained entry was published; `null` when there is none. */
  readonly oldest: number | null;
  /** More is to go than one slice. */
  readonly overfull: boolean;
}

/** `now`: by the clock of who asks; what is then older than `maxAge` is to go. */
export type WriterRequest =
  | {
      readonly do: 'append';
      readonly rows: readonly EntryRow[];
      readonly now: number;
    }
  | { readonly do: 'trim'; readonly now: number }
  | { readonly do: 'close' };

export interface AppendResult {
  /** Of each row, in order; of one whose key was retained, that of the earlier entry. */
  readonly positions: readonly number[];
  /** Those of the earlier entries that were there before this append. */
  readonly earlier: readonly StoredRow[];
  readonly state: HistoryState;
}

export type FailureCode =
  | 'in-use'
  | 'not-a-log'
  | 'other-version'
  | 'cannot-open'
  | 'read-only'
  | 'full'
  | 'damaged'
  | 'moved'
  | 'busy'
  | 'failed'
  | 'late'
  | 'not-open';

/** Why the file cannot be used. */
export interface Failure {
  readonly code: FailureCode;
  /** What is wrong, without the name of the file: a publisher's client may get to see it. */
  readonly summary: string;
  /** What to do. */
  readonly hint: string;
}

/** What a request, or at first the opening, gives. */
export type WriterResult =
  OpenedHistory | AppendResult | HistoryState | undefined | void;

/** Answers come in the order of the requests; the first says how opening went. */
export type WriterAnswer =
  { readonly result: WriterResult } | { readonly failure: Failure };
