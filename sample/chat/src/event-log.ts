import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type EventLog, MemoryLog } from 'nestjs-sse-hub';
import { RedisLog } from 'nestjs-sse-hub/redis';
import { SqliteLog } from 'nestjs-sse-hub/sqlite';

/** The log is where the messages are, so it bounds what the chat remembers. */
const KEPT = { maxEvents: 10_000, maxAge: 30 * 24 * 3_600_000 };

/**
 * Where messages are kept: `memory`, `sqlite:<file>` or `redis://<host>:<port>`.
 * An app of yours has one log, and imports no other.
 */
export function eventLogFor(address = 'memory'): EventLog {
  const [scheme] = address.split(':', 1);
  switch (scheme) {
    case 'memory':
      return new MemoryLog(KEPT);
    case 'sqlite':
      return sqliteLog(address.slice('sqlite:'.length));
    case 'redis':
    case 'rediss':
      return new RedisLog({ url: address, stream: 'chat', ...KEPT });
    default:
      // The rest of the address may hold a password.
      throw new Error(
        `LOG begins with "${scheme}": it must be memory, sqlite:<file>, redis://<host>:<port> or rediss://…`,
      );
  }
}

function sqliteLog(file: string): EventLog {
  const log = new SqliteLog({ file, ...KEPT });
  mkdirSync(dirname(file), { recursive: true });
  return log;
}
