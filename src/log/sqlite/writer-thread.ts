import { Worker } from 'node:worker_threads';
import type {
  AppendResult,
  EntryRow,
  Failure,
  HistoryState,
  OpenedHistory,
  WriterAnswer,
  WriterRequest,
  WriterResult,
  WriterSettings,
} from './writer/messages.js';

/** The writer could not do what it was asked for. */
export class WriterFailure extends Error {
  constructor(readonly failure: Failure) {
    super(failure.summary);
  }
}

interface Waiting {
  readonly resolve: (result: WriterResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The thread that writes the file: a commit waits for the disk, and the event loop of a server must not. It
 * keeps the process alive only while an answer is awaited.
 */
export class WriterThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  readonly #ended: Promise<WriterFailure>;
  #crash: Error | undefined;
  #hasAnswered = false;
  #isGone = false;

  /**
   * @param signal ends it while it is not open, as it may wait for a lock or a disk
   * @throws WriterFailure when the file cannot be opened
   */
  static async start(
    settings: WriterSettings,
    signal: AbortSignal,
  ): Promise<[WriterThread, OpenedHistory]> {
    const thread = new WriterThread(settings);
    const giveUp = (): void => {
      void thread.end();
      thread.abandon();
    };
    signal.addEventListener('abort', giveUp);
    try {
      return [thread, (await thread.#answer()) as OpenedHistory];
    } catch (error) {
      await thread.end();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  private constructor(settings: WriterSettings) {
    // Built, its neighbour is JavaScript; from the sources, Node takes the types out by itself.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = new Worker(
      new URL(`./writer/worker.${extension}`, import.meta.url),
      {
        name: 'SqliteLog',
        workerData: settings,
        // The application's own, such as --import and --inspect, are not for this thread.
        execArgv: ['--disable-warning=ExperimentalWarning'],
      },
    );
    this.#worker.on('message', (answer: WriterAnswer) => this.#take(answer));
    this.#worker.on('error', (error) => (this.#crash = error as Error));
    // `once` of node:events would reject when it has crashed, and 'exit' comes after 'error'.
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#rejectAll();
        resolve(this.#goneError());
      });
    });
    this.#worker.unref();
  }

  /** Resolves when the thread is gone, for whatever reason, which it gives. */
  get ended(): Promise<WriterFailure> {
    return this.#ended;
  }

  append(rows: readonly EntryRow[], now: number): Promise<AppendResult> {
    return this.#ask({
      do: 'append',
      rows,
      now,
    }) as Promise<AppendResult>;
  }

  trim(now: number): Promise<HistoryState> {
    return this.#ask({ do: 'trim', now }) as Promise<HistoryState>;
  }

  /** Lets it finish what it does, and ends it. */
  async close(): Promise<void> {
    await this.#ask({ do: 'close' }).catch(() => undefined);
    await this.end();
  }

  /** Ends it; the file and its lock are free then. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Keeps the process no longer alive for a disk that does not answer. */
  abandon(): void {
    this.#worker.unref();
  }

  #ask(request: WriterRequest): Promise<WriterResult> {
    if (this.#isGone) {
      return Promise.reject(this.#goneError());
    }
    this.#worker.postMessage(request);
    return this.#answer();
  }

  #answer(): Promise<WriterResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.ref();
    });
  }

  #take(answer: WriterAnswer): void {
    this.#hasAnswered = true;
    const { resolve, reject } = this.#waiting.shift()!;
    if (this.#waiting.length === 0) {
      this.#worker.unref();
    }
    if ('failure' in answer) {
      reject(new WriterFailure(answer.failure));
    } else {
      resolve(answer.result);
    }
  }

  #rejectAll(): void {
    this.#isGone = true;
    for (const { reject } of this.#waiting.splice(0)) {
      reject(this.#goneError());
    }
  }

  #goneError(): WriterFailure {
    return new WriterFailure({
      code: 'failed',
      summary: this.#hasAnswered
        ? 'the thread that writes the file has ended'
        : 'the thread that writes the file cannot be started',
      // It may name files, which are not for the summary.
      hint:
        this.#crash === undefined ? '' : `Node says: ${this.#crash.message}`,
    });
  }
}
