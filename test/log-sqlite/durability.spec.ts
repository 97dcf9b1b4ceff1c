import { newFile, removeFolders } from './support/folders.js';
import { describeSqlite } from './support/sqlite-tests.js';

describeSqlite('The file of a SqliteLog', () => {
  afterEach(removeFolders);

  it.each([
    ['full', 2],
    ['normal', 1],
  ] as const)(
    'waits for the disk with every commit as "synchronous" says: %s',
    async (synchronous, level) => {
      // Not imported at the top, as not every Node has what it imports.
      const { openDatabase } =
        await import('../../src/log/sqlite/writer/schema.js');
      const database = openDatabase(newFile(), synchronous, 'e', false);
      const pragma = (name: string) => database.prepare(`PRAGMA ${name}`).get();

      expect(pragma('synchronous')).toMatchObject({ synchronous: level });
      expect(pragma('journal_mode')).toMatchObject({ journal_mode: 'wal' });
      database.close();
    },
  );
});
