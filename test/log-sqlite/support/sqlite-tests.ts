import { MemoryLog } from 'nestjs-sse-hub';
import { SqliteLog, SqliteMissingException } from 'nestjs-sse-hub/sqlite';

const hasSqlite = process.getBuiltinModule('node:sqlite') !== undefined;

/** Tests that need `node:sqlite`. On a Node without it there is one test: what an application gets there. */
export function describeSqlite(name: string, define: () => void): void {
  if (hasSqlite) {
    describe(name, define);
    return;
  }
  describe(`${name} (${process.version} has no node:sqlite)`, () => {
    it('SqliteLog says which Node it needs, and another log works', async () => {
      const make = () => new SqliteLog({ file: 'events.db' });
      expect(make).toThrow(SqliteMissingException);
      expect(make).toThrow(process.version);
      expect(make).toThrow('Run Node 22.13 or later');
      await new MemoryLog().open();
    });
  });
}
