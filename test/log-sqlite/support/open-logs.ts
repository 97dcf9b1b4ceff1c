import type { LogEntry } from 'nestjs-sse-hub';
import { SqliteLog } from 'nestjs-sse-hub/sqlite';
import type { SqliteLogOptions } from 'nestjs-sse-hub/sqlite';
import { removeFolders } from './folders.js';
import { recordOf } from './records.js';

const logs = new Set<SqliteLog>();

/** A log that `closeLogs` closes, not yet opened. */
export function makeLog(options: SqliteLogOptions): SqliteLog {
  const log = new SqliteLog(options);
  logs.add(log);
  return log;
}

/** Closes what the tests of a file have made, and removes their folders; for `afterEach`. */
export async function closeLogs(): Promise<void> {
  await Promise.all(Array.from(logs, (log) => log.close()));
  logs.clear();
  removeFolders();
}

/** Opens a log, does something with it and closes it, as a process does that comes and goes. */
export async function withLog<Result>(
  options: SqliteLogOptions,
  use: (log: SqliteLog) => Promise<Result>,
): Promise<Result> {
  const log = makeLog(options);
  await log.open();
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}

/** Appends one record after the other. */
export async function appendEach(
  log: SqliteLog,
  data: readonly unknown[],
): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (const one of data) {
    entries.push(...(await log.append([recordOf(one)])));
  }
  return entries;
}

/** All that a log retains. */
export async function retained(log: SqliteLog): Promise<readonly LogEntry[]> {
  const { floor } = await log.bounds();
  const page = await log.read(floor, { events: Infinity, bytes: Infinity });
  return page.entries;
}
