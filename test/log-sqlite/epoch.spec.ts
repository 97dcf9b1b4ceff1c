import {
  copyFileSync,
  cpSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { InvalidOptionException } from 'nestjs-sse-hub';
import { SqliteFileException, SqliteLog } from 'nestjs-sse-hub/sqlite';
import { newFile, newFolder } from './support/folders.js';
import {
  appendEach,
  closeLogs,
  makeLog,
  retained,
  withLog,
} from './support/open-logs.js';
import { dataOf } from './support/records.js';
import { RemoteLog, killProcesses } from './support/remote-log.js';
import { describeSqlite } from './support/sqlite-tests.js';

const epochOf = (file: string): Promise<string> =>
  withLog({ file }, async (log) => (await log.bounds()).epoch);

/** A closed file with three entries, and its epoch. */
async function written(): Promise<{ file: string; epoch: string }> {
  const file = newFile();
  await withLog({ file }, (log) => appendEach(log, [1, 2, 3]));
  return { file, epoch: await epochOf(file) };
}

/** Changes a closed database. */
function change(file: string, sql: string): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

describeSqlite('The epoch of a SqliteLog', () => {
  afterEach(async () => {
    await killProcesses();
    await closeLogs();
  });

  it('is the same from one process to the next, also after kill -9', async () => {
    const { file, epoch } = await written();
    const remote = await RemoteLog.start({ file, synchronous: 'normal' });
    await remote.call('open');
    await remote.call('append', [4]);
    await remote.kill();

    expect(await epochOf(file)).toBe(epoch);
    expect(await epochOf(file)).toBe(epoch);
  });

  it('is another one when an older copy of the file is restored: positions after it were given out', async () => {
    const { file, epoch } = await written();
    copyFileSync(file, `${file}.backup`);
    await withLog({ file }, (log) => appendEach(log, [4]));
    renameSync(`${file}.backup`, file);

    await withLog({ file }, async (log) => {
      const entries = await retained(log);
      expect(dataOf(entries)).toEqual([1, 2, 3]);
      expect((await log.bounds()).epoch).not.toBe(epoch);
      expect(entries[0]!.cursor).toMatch((await log.bounds()).epoch);
    });
  });

  it('is another one also when the process that has given them out was killed', async () => {
    const { file, epoch } = await written();
    copyFileSync(file, `${file}.backup`);
    const remote = await RemoteLog.start({ file });
    await remote.call('open');
    await remote.call('append', [4]);
    await remote.kill();
    rmSync(`${file}-wal`);
    rmSync(`${file}-shm`);
    renameSync(`${file}.backup`, file);

    expect(await epochOf(file)).not.toBe(epoch);
  });

  it('is the same when a copy is restored after which nothing was given out', async () => {
    const { file, epoch } = await written();
    copyFileSync(file, `${file}.backup`);
    renameSync(`${file}.backup`, file);

    expect(await epochOf(file)).toBe(epoch);
  });

  it('is another one for a file without its -lock, which may be a copy, and the same when both move', async () => {
    const { file, epoch } = await written();
    const [one, both] = [newFolder(), newFolder()];
    copyFileSync(file, join(one, 'events.db'));
    cpSync(dirname(file), both, { recursive: true });

    expect(await epochOf(join(both, 'events.db'))).toBe(epoch);
    const other = await epochOf(join(one, 'events.db'));
    expect(other).not.toBe(epoch);
    // Once only.
    expect(await epochOf(join(one, 'events.db'))).toBe(other);
  });

  it('is another one once the -lock is deleted, as the guide says for a restored folder', async () => {
    const { file, epoch } = await written();
    rmSync(`${file}-lock`);

    expect(await epochOf(file)).not.toBe(epoch);
  });

  it('is another one for the -lock of another history', async () => {
    const { file, epoch } = await written();
    const other = await written();
    copyFileSync(`${other.file}-lock`, `${file}-lock`);

    expect([epoch, other.epoch]).not.toContain(await epochOf(file));
  });

  it.each([
    ['normal', 'kill', false],
    ['normal', 'close', true],
    ['full', 'kill', true],
  ] as const)(
    'after a power cut: synchronous %s, last %s: the same: %s',
    async (synchronous, end, same) => {
      const { file, epoch } = await written();
      const remote = await RemoteLog.start({ file, synchronous });
      await remote.call('open');
      await remote.call('append', [4]);
      if (end === 'close') {
        await remote.call('close');
      }
      await remote.kill();
      // Another start of the machine since.
      change(
        `${file}-lock`,
        `UPDATE seen SET boot = 'before' WHERE boot IS NOT NULL`,
      );

      expect((await epochOf(file)) === epoch).toBe(same);
    },
  );
});

describeSqlite('SqliteLog refuses', () => {
  afterEach(closeLogs);

  it('a file of another version, with what to do, and leaves it as it is', async () => {
    const { file } = await written();
    change(file, 'PRAGMA user_version = 2');
    const before = readFileSync(file);
    const opened = makeLog({ file }).open();

    await expect(opened).rejects.toThrow(SqliteFileException);
    await expect(opened).rejects.toThrow(
      `SqliteLog cannot open ${file}: the file has version 2 of the tables, and this version of nestjs-sse-hub reads version 1. Run the version that wrote it, or move the file and those beside it away: a new history begins, and clients get hub.reset.`,
    );
    expect(readFileSync(file)).toEqual(before);
  });

  it.each([
    ['of another program', 'CREATE TABLE movies (title TEXT)'],
    ['of another program, and empty', 'PRAGMA user_version = 7'],
    ['of another program, by its id', 'PRAGMA application_id = 42'],
  ])('a database %s', async (_, sql) => {
    const file = newFile();
    change(file, sql);
    const before = readFileSync(file);
    await expect(makeLog({ file }).open()).rejects.toThrow(
      `${file}: the file is a database of another program. Name another file.`,
    );
    expect(readFileSync(file)).toEqual(before);
  });

  it('a file that is no database', async () => {
    const file = newFile();
    writeFileSync(file, 'title,year\nAlien,1979\n'.repeat(100));
    await expect(makeLog({ file }).open()).rejects.toThrow(
      `${file}: the file is no database. Name another file.`,
    );
  });

  it('a folder that does not exist, or a file that is one', async () => {
    const folder = newFolder();
    const file = join(folder, 'data', 'events.db');
    await expect(makeLog({ file }).open()).rejects.toThrow(
      `${file}: its folder does not exist. Make the folder, or name a file in another one.`,
    );
    await expect(makeLog({ file: folder }).open()).rejects.toThrow(
      `${folder}: the file cannot be opened.`,
    );
  });

  it('to open what it has refused until that is put right, and then opens it', async () => {
    const file = newFile();
    writeFileSync(file, 'x'.repeat(1000));
    const log = makeLog({ file });
    await expect(log.open()).rejects.toThrow(SqliteFileException);
    await expect(log.open()).rejects.toThrow(SqliteFileException);
    expect(log.health()).toMatchObject({ status: 'down' });
    rmSync(file);

    await log.open();
    expect(log.health()).toEqual({ status: 'up' });
    await appendEach(log, [1]);
  });

  it('a log in memory, which would lose what it acknowledges', () => {
    for (const file of [':memory:', 'file::memory:?cache=shared']) {
      expect(() => new SqliteLog({ file })).toThrow(InvalidOptionException);
      expect(() => new SqliteLog({ file })).toThrow('new MemoryLog()');
    }
  });
});
