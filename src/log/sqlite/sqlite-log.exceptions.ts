import { LogUnavailableException } from '../log.exceptions.js';

/**
 * This Node has no `node:sqlite`. Thrown when a `SqliteLog` is made; the message names the versions that have it.
 */
export class SqliteMissingException extends Error {
  override readonly name = 'SqliteMissingException';
}

/**
 * The file of a `SqliteLog` cannot be opened: another process has it, it is no log's or one of another version,
 * or it cannot be read and written. The message names the file and what to do. It ends the start of an
 * application; once the log has been open, it tries again by itself and what needs it gets a
 * `LogUnavailableException`.
 */
export class SqliteFileException extends LogUnavailableException {
  override readonly name: string = 'SqliteFileException';
}
