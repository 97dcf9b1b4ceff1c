import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { LogUnavailableException } from '../log.exceptions.js';
import { OpenFile } from './open-file.js';
import { SqliteFileException } from './sqlite-log.exceptions.js';
import type { ResolvedSqliteOptions } from './sqlite-log-options.js';
import { within } from './within.js';
import { WriterFailure } from './writer-thread.js';
import { failureOf } from './writer/failure.js';
import type { Failure } from './writer/messages.js';

/** Between two attempts to open the file again, in milliseconds; and up to half as long, at random. */
const RETRY = { first: 100, most: 10_000 } as const;

/** What is told of the file. */
export interface FileListener {
  /** It is open, for the first time or again; it may be another one than before. */
  opened(file: OpenFile): void;
  /** Nothing can be written now. */
  lost(): void;
}

/** Keeps the file open: after a failure it is opened again, with back-off. */
export class KeptFile {
  readonly #logger = new Logger('SqliteLog');
  readonly #closing = new AbortController();
  #current: OpenFile | undefined;
  #opening: Promise<OpenFile> | undefined;
  #wait: number = RETRY.first;
  #trouble: Failure | undefined = {
    code: 'not-open',
    summary: 'the log is not open',
    hint: 'Wait for open().',
  };

  constructor(
    private readonly options: ResolvedSqliteOptions,
    private readonly listener: FileListener,
  ) {}

  /** As it was opened last. When it cannot be written it can be read, until it is opened again. */
  get current(): OpenFile | undefined {
    return this.#closing.signal.aborted ? undefined : this.#current;
  }

  /** The file, if it can be written. */
  get writable(): OpenFile | undefined {
    return this.#trouble === undefined ? this.current : undefined;
  }

  /** Why nothing can be written. */
  get trouble(): Failure | undefined {
    return this.#trouble;
  }

  /** What to tell who needs the log. What the operator reads, with the name of the file, is not for a client. */
  unavailable(): LogUnavailableException {
    const { summary } = this.#trouble ?? { summary: 'it has just failed' };
    return new LogUnavailableException(`The log cannot be used: ${summary}.`);
  }

  /** @throws SqliteFileException */
  open(): Promise<OpenFile> {
    const isOpen = this.#trouble === undefined || this.#trouble.code === 'late';
    if (isOpen && this.#current !== undefined) {
      return Promise.resolve(this.#current);
    }
    const { file, lockTimeout } = this.options;
    return this.#open(lockTimeout).catch((error: unknown) => {
      const { aborted: isClosed } = this.#closing.signal;
      const failure = isClosed ? this.#trouble! : toFailure(error);
      this.#trouble = failure;
      throw new SqliteFileException(
        `SqliteLog cannot open ${file}: ${sentencesOf(failure)}`,
        { cause: error },
      );
    });
  }

  /** Something about a file has failed: nothing is written until it has been opened again. */
  fail(file: OpenFile, error: unknown): void {
    const isNews = this.#trouble === undefined || this.#trouble.code === 'late';
    if (file === this.current && isNews) {
      const failure = toFailure(error);
      this.#lose(failure);
      // When no connection has a deleted file open any more, SQLite has saved from it what can be saved, and
      // takes nothing of it for the file that is there now.
      const end = failure.code === 'moved' ? file.close() : file.writer.end();
      void end.then(() => this.#reopen());
    }
  }

  /** The writer has not answered in time. It may yet. */
  late(file: OpenFile): void {
    if (file === this.current && this.#trouble === undefined) {
      this.#lose({
        code: 'late',
        summary: `the disk has not answered for ${this.options.timeout} ms`,
        hint: 'It goes on by itself when the disk answers.',
      });
    }
  }

  /** The writer has done what it was asked for. */
  answered(file: OpenFile): void {
    this.#wait = RETRY.first;
    if (file === this.current && this.#trouble?.code === 'late') {
      this.#recover();
    }
  }

  /** Lets the writer finish, within the time that a commit may take; nothing is opened any more. */
  async close(): Promise<void> {
    const current = this.current;
    this.#closing.abort();
    this.#trouble = {
      code: 'not-open',
      summary: 'the log is closed, as the application is shutting down',
      hint: '',
    };
    await within(
      this.options.timeout,
      Promise.allSettled([this.#opening, current?.close()]),
    );
    current?.writer.abandon();
  }

  #open(lockTimeout: number): Promise<OpenFile> {
    this.#opening ??= this.#connect(lockTimeout).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #connect(lockTimeout: number): Promise<OpenFile> {
    const last = this.#current;
    const settings = {
      ...this.options,
      lockTimeout,
      known: last && { epoch: last.epoch, head: last.state.head },
      check: this.#trouble?.code === 'damaged',
    };
    const file = await OpenFile.open(settings, this.#closing.signal);
    if (this.#closing.signal.aborted) {
      await file.close();
      throw new WriterFailure(this.#trouble!);
    }
    last?.closeReader();
    this.#current = file;
    void file.writer.ended.then((why) => this.fail(file, why));
    if (last === undefined) {
      this.#trouble = undefined;
    } else {
      this.#recover();
    }
    this.listener.opened(file);
    return file;
  }

  /** Also waits longer when opening works and the next commit fails again. */
  async #reopen(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const wait = this.#wait * (1 + Math.random() / 2);
      this.#wait = Math.min(this.#wait * 2, RETRY.most);
      await delay(wait, undefined, { signal, ref: false }).catch(
        () => undefined,
      );
      if (this.#trouble === undefined) {
        // `open` was called meanwhile.
        return;
      }
      try {
        // The lock is free: the thread that had it has ended.
        await this.#open(0);
        return;
      } catch (error) {
        if (!signal.aborted) {
          this.#lose(toFailure(error));
        }
      }
    }
  }

  #lose(failure: Failure): void {
    const isNews = failure.summary !== this.#trouble?.summary;
    this.#trouble = failure;
    if (isNews) {
      this.#logger.error(
        `Cannot write ${this.options.file}: ${sentencesOf(failure)}`,
      );
    }
    this.listener.lost();
  }

  #recover(): void {
    this.#trouble = undefined;
    this.#logger.log(`${this.options.file} can be written again`);
  }
}

/** What is wrong and what to do, for an operator. */
export function sentencesOf({ summary, hint }: Failure): string {
  return hint === '' ? `${summary}.` : `${summary}. ${hint}`;
}

function toFailure(error: unknown): Failure {
  return error instanceof WriterFailure ? error.failure : failureOf(error);
}
