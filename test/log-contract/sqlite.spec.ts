import { dirname } from 'node:path';
import { rm } from 'node:fs/promises';
import type { RetentionOptions } from 'nestjs-sse-hub';
import { SqliteLog } from 'nestjs-sse-hub/sqlite';
import { logContract } from 'nestjs-sse-hub/testing';
import type { LogUnderTest } from 'nestjs-sse-hub/testing';
import { newFile } from '../log-sqlite/support/folders.js';
import { describeSqlite } from '../log-sqlite/support/sqlite-tests.js';

/** What another log makes of the same file, once the first is closed. */
function underTest(retention: RetentionOptions): Promise<LogUnderTest> {
  const file = newFile();
  const logs = [new SqliteLog({ ...retention, file })];
  return Promise.resolve({
    log: logs[0]!,
    async restart() {
      await logs.at(-1)!.close();
      const log = new SqliteLog({ ...retention, file });
      logs.push(log);
      return log;
    },
    async dispose() {
      await Promise.all(logs.map((log) => log.close()));
      await rm(dirname(file), { recursive: true });
    },
  });
}

describeSqlite('SqliteLog keeps the contract', () => {
  for (const { name, run } of logContract(underTest, { has: ['restart'] })) {
    it(name, run);
  }
});
