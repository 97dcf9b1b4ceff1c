export { SqliteLog } from './log/sqlite/sqlite-log.js';
export type { SqliteLogOptions } from './log/sqlite/sqlite-log-options.js';
export {
  SqliteFileException,
  SqliteMissingException,
} from './log/sqlite/sqlite-log.exceptions.js';
