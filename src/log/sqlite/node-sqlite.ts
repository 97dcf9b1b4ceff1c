import type { DatabaseSync } from 'node:sqlite';
import { SqliteMissingException } from './sqlite-log.exceptions.js';

/**
 * Node's own SQLite. Not imported at the top, as what imports this package must also start on a Node without it.
 *
 * @throws SqliteMissingException
 */
export function nodeSqlite(): { DatabaseSync: typeof DatabaseSync } {
  const sqlite = process.getBuiltinModule('node:sqlite');
  if (sqlite === undefined) {
    throw new SqliteMissingException(
      `SqliteLog needs node:sqlite, which Node ${process.version} does not have. Run Node 22.13 or later, or use another log: new MemoryLog(), or RedisLog of nestjs-sse-hub/redis.`,
    );
  }
  return sqlite;
}
