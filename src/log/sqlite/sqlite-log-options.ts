import { resolve } from 'node:path';
import {
  InvalidOptionException,
  checkOptions,
} from '../../options/check-options.js';
import type { OptionRules } from '../../options/check-options.js';
import type { RetentionOptions } from '../event-log.js';

/** How a `SqliteLog` keeps events. Durations are in milliseconds; of the bounds, whichever is reached first counts. */
export interface SqliteLogOptions extends RetentionOptions {
  /**
   * The file, on a local disk; it is made, its folder is not. Beside it lie `<file>-wal`, `<file>-shm` and
   * `<file>-lock`, which belong to it.
   */
  file: string;
  /**
   * What an acknowledged event survives. `'full'`: the end of the process, however it comes, and a power cut.
   * `'normal'`: the end of the process; a power cut takes the newest events, of which clients are told with
   * `hub.reset`.
   * @default 'full'
   */
  synchronous?: 'full' | 'normal';
  /**
   * Events kept.
   * @default 100_000
   */
  maxEvents?: number;
  /**
   * Bytes of event data kept; the newest event stays, however large.
   * @default 268_435_456 (256 MiB)
   */
  maxBytes?: number;
  /**
   * How long an event is kept.
   * @default 86_400_000 (24 hours)
   */
  maxAge?: number;
  /**
   * How long the disk may take for a commit before what waits for it is rejected with
   * `LogUnavailableException`.
   * @default 5_000
   */
  timeout?: number;
  /**
   * How long `open` waits for another process that has the file, as the previous one of a deploy.
   * @default 10_000
   */
  lockTimeout?: number;
}

/** The options with every default filled in. */
export type ResolvedSqliteOptions = Readonly<Required<SqliteLogOptions>>;

/** Longer timers fire at once (Node's documentation of `setTimeout`). */
const MAX_DURATION = 2 ** 31 - 1;

const RULES: OptionRules = {
  file: {
    type: 'instance',
    is: (file) => typeof file === 'string' && file !== '',
    hint: 'the path of a file',
  },
  synchronous: { type: 'enum', of: ['full', 'normal'] },
  maxEvents: { type: 'integer', min: 1 },
  maxBytes: { type: 'integer', min: 1 },
  maxAge: { type: 'number', min: 1 },
  timeout: { type: 'number', min: 100, max: MAX_DURATION },
  lockTimeout: { type: 'number', min: 0, max: MAX_DURATION },
};

/**
 * Checks the options and fills in the defaults.
 *
 * @throws InvalidOptionException
 */
export function resolveSqliteOptions(
  options: SqliteLogOptions,
): ResolvedSqliteOptions {
  checkOptions('SqliteLog', options, RULES);
  const { file } = options;
  if (file === undefined) {
    throw new InvalidOptionException(
      'SqliteLog: option "file" is missing; it must be the path of a file.',
    );
  }
  if (/^(:|file:)/.test(file)) {
    throw new InvalidOptionException(
      `SqliteLog: option "file" is ${JSON.stringify(file)}; it must be the path of a file. A log in memory is new MemoryLog().`,
    );
  }
  return {
    file: resolve(file),
    synchronous: options.synchronous ?? 'full',
    maxEvents: options.maxEvents ?? 100_000,
    maxBytes: options.maxBytes ?? 256 * 1024 * 1024,
    maxAge: options.maxAge ?? 86_400_000,
    timeout: options.timeout ?? 5_000,
    lockTimeout: options.lockTimeout ?? 10_000,
  };
}
