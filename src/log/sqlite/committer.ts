import type { Cursor } from '../cursor.js';
import type { LogEntry, LogRecord } from '../event-log.js';
import { CommitQueue } from './commit-queue.js';
import type { CommitBatch } from './commit-queue.js';
import type { KeptFile } from './kept-file.js';
import type { OpenFile } from './open-file.js';
import type { WriterThread } from './writer-thread.js';
import type { HistoryState } from './writer/messages.js';

/** What a commit takes from the queue of appends, in bytes. */
const COMMIT_BYTES = 256 * 1024;

/** Longer timeouts fire at once (Node's documentation of `setTimeout`). */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Those who get what is committed. */
export interface Readers {
  /** Whether one of them has as much as it can take. */
  readonly areFull: boolean;
  take(entries: readonly LogEntry[], floor: Cursor): void;
}

/**
 * Has appends committed, those that wait together in one commit, and old entries dropped: with each commit a slice,
 * and by a timer.
 */
export class Committer {
  readonly #queue = new CommitQueue();
  #inWork: CommitBatch | undefined;
  #turn: NodeJS.Immediate | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #tidying: Promise<void> | undefined;

  constructor(
    private readonly kept: KeptFile,
    private readonly readers: Readers,
    private readonly options: {
      readonly timeout: number;
      readonly maxAge: number;
    },
  ) {}

  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    const appended = this.#queue.add(records);
    this.schedule();
    return appended;
  }

  /** One commit at a time, and none while a reader is full: then it is for the reader to call this. */
  schedule(): void {
    if (this.#inWork === undefined && !this.#queue.isEmpty) {
      this.#turn ??= setImmediate(() => {
        this.#turn = undefined;
        void this.#commit();
      });
    }
  }

  /** Begins with a file that was opened; resolves when nothing in it is too old or too much. */
  async begin(file: OpenFile): Promise<void> {
    clearTimeout(this.#expiry);
    this.#expiry = undefined;
    this.schedule();
    const { oldest } = file.state;
    if (oldest !== null && oldest <= this.#expireThrough()) {
      file.state = { ...file.state, overfull: true };
    }
    await this.#tidy();
  }

  /** What waits, or is on its way to the file, is not waited for any longer. */
  rejectAll(): void {
    const error = this.kept.unavailable();
    this.#inWork?.reject(error);
    this.#queue.rejectAll(error);
  }

  stop(): void {
    clearTimeout(this.#expiry);
    clearImmediate(this.#turn);
    this.rejectAll();
  }

  async #commit(): Promise<void> {
    const file = this.kept.writable;
    if (file === undefined || this.#queue.isEmpty || this.readers.areFull) {
      return;
    }
    const batch = this.#queue.take(COMMIT_BYTES);
    this.#inWork = batch;
    try {
      const result = await this.#ask(file, (writer) =>
        writer.append(batch.rows, Date.now()),
      );
      const { all, added } = batch.entriesOf(result, file.epoch);
      this.#learn(file, result.state, added);
      batch.resolve(all);
      void this.#tidy();
    } catch {
      batch.reject(this.kept.unavailable());
    } finally {
      this.#inWork = undefined;
      this.schedule();
    }
  }

  /** Drops what is to go, slice by slice, and again when something has become too old. */
  #tidy(): Promise<void> {
    this.#tidying ??= this.#trim().finally(() => {
      this.#tidying = undefined;
      this.#awaitExpiry();
    });
    return this.#tidying;
  }

  async #trim(): Promise<void> {
    for (
      let file = this.kept.writable;
      file?.state.overfull;
      file = this.kept.writable
    ) {
      try {
        const state = await this.#ask(file, (writer) =>
          writer.trim(Date.now()),
        );
        this.#learn(file, state, []);
      } catch {
        // The file is not writable now, and begins anew when it is.
      }
    }
  }

  #awaitExpiry(): void {
    const file = this.kept.writable;
    const oldest = file?.state.oldest ?? null;
    if (file === undefined || oldest === null) {
      return;
    }
    const wait = Math.max(oldest - this.#expireThrough(), 0);
    this.#expiry ??= setTimeout(
      () => {
        this.#expiry = undefined;
        file.state = { ...file.state, overfull: true };
        void this.#tidy();
      },
      // The clock may have been ahead when the oldest was published.
      Math.min(wait, this.options.maxAge, MAX_TIMEOUT),
    ).unref();
  }

  #learn(
    file: OpenFile,
    state: HistoryState,
    added: readonly LogEntry[],
  ): void {
    file.state = state;
    this.readers.take(added, file.floor);
  }

  async #ask<Result>(
    file: OpenFile,
    request: (writer: WriterThread) => Promise<Result>,
  ): Promise<Result> {
    const { kept, options } = this;
    const timer = setTimeout(() => kept.late(file), options.timeout);
    try {
      const result = await request(file.writer);
      kept.answered(file);
      return result;
    } catch (error) {
      kept.fail(file, error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #expireThrough(): number {
    return Date.now() - this.options.maxAge;
  }
}
