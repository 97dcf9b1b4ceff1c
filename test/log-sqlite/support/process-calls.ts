import type {
  LogBounds,
  LogHealth,
  LogPage,
  LogPageLimit,
} from 'nestjs-sse-hub';

/** How a thread ends that was not asked to. */
export type Crash = 'throw' | 'reject' | 'exit';

/** What a log process can be asked for. */
export interface Calls {
  open(): Promise<LogBounds>;
  /** @returns the cursors */
  append(numbers: readonly number[]): Promise<string[]>;
  appendBytes(bytes: number): Promise<string[]>;
  bounds(): Promise<LogBounds>;
  read(page: [after: string, limit: LogPageLimit]): Promise<LogPage>;
  health(): LogHealth;
  close(): Promise<void>;
  /** @returns the log's health right after the thread that writes has ended */
  crashWriter(crash: Crash): Promise<LogHealth>;
  /** How often the thread that writes has been started. */
  writersStarted(): number;
  /** Appends until the process is killed, and tells of each batch when it begins and when it was acknowledged. */
  publishAtFullSpeed(job: {
    /** Batches of which it is not known whether the log has them. */
    again: readonly (readonly number[])[];
    /** The next number. */
    from: number;
  }): void;
  remove(path: string): void;
  /** Leaves the process no file to open, so that it can start no thread. */
  useUpFiles(): void;
  freeFiles(): void;
  run(command: readonly string[]): void;
}

/** What a process that publishes says of a batch. */
export type Said =
  | { readonly begun: readonly number[] }
  | { readonly done: readonly number[]; readonly cursors: readonly string[] };
