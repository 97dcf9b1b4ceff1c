import type {
  LogBounds,
  LogHealth,
  LogPage,
  LogPageLimit,
} from 'nestjs-sse-hub';

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
  /** Ends the thread that writes, as running out of memory does. */
  crashWriter(): Promise<void>;
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
  run(command: readonly string[]): void;
}

/** What a process that publishes says of a batch. */
export type Said =
  | { readonly begun: readonly number[] }
  | { readonly done: readonly number[]; readonly cursors: readonly string[] };
