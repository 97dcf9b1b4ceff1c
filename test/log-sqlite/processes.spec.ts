import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteFileException, SqliteLog } from 'nestjs-sse-hub/sqlite';
import { newFile, newFolder, removeFolders } from './support/folders.js';
import { recordOf } from './support/records.js';
import { RemoteLog, killProcesses } from './support/remote-log.js';
import { describeSqlite } from './support/sqlite-tests.js';

async function refused(log: SqliteLog): Promise<Error> {
  const error: unknown = await log.open().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(SqliteFileException);
  return error as Error;
}

/** What a program says that Node runs, once it has ended by itself. */
async function run(program: string, ...flags: string[]): Promise<string> {
  const child = spawn(
    process.execPath,
    [...flags, '--disable-warning=ExperimentalWarning', '-e', program],
    {
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  const [code] = await once(child, 'close');
  return `${said.trim()} (${code})`;
}

describeSqlite('A file of a SqliteLog', () => {
  afterEach(async () => {
    await killProcesses();
    removeFolders();
  });

  it('is refused to a second process, which is told what to do, and is free when the first is killed', async () => {
    const file = newFile();
    const remote = await RemoteLog.start({ file });
    await remote.call('open');
    await remote.call('append', [1]);
    const log = new SqliteLog({ file, lockTimeout: 0 });

    const { message } = await refused(log);
    expect(message).toContain(file);
    expect(message).toContain('another SqliteLog, of this process or another');
    expect(message).toContain('give each a file of its own');
    await expect(log.append([recordOf(2)])).rejects.toThrow(
      'another SqliteLog',
    );
    // The first has not noticed.
    await remote.call('append', [3]);

    await remote.kill();
    const bounds = await log.open();
    const { entries } = await log.read(bounds.floor, { events: 9, bytes: 999 });
    expect(entries.map(({ data }) => data)).toEqual(['1', '3']);
    expect(log.health()).toEqual({ status: 'up' });
    await log.close();
  });

  it('is waited for as long as "lockTimeout" says, as at a deploy', async () => {
    const file = newFile();
    const remote = await RemoteLog.start({ file });
    const before = await remote.call('open');
    const [cursor] = await remote.call('append', [1]);
    const log = new SqliteLog({ file, lockTimeout: 15_000 });
    const opened = log.open();
    // One that has begun to try after it is refused meanwhile.
    await refused(new SqliteLog({ file, lockTimeout: 0 }));
    await remote.call('close');

    expect(await opened).toEqual({ ...before, head: cursor });
    await log.close();
  });

  it('is not waited for by a log that is closed', async () => {
    const file = newFile();
    const log = new SqliteLog({ file });
    await log.open();
    const other = new SqliteLog({ file, lockTimeout: 2 ** 31 - 1 });
    const refusal = refused(other);
    // One that has begun to try after it is refused meanwhile.
    await refused(new SqliteLog({ file, lockTimeout: 0 }));
    await other.close();

    expect((await refusal).message).toContain('the log is closed');
    expect(other.health()).toMatchObject({
      reason: expect.stringContaining('the log is closed'),
    });
    await log.append([recordOf(1)]);
    await log.close();
  });

  it('is refused to a second log of the same process, also under another name', async () => {
    const file = newFile();
    const link = join(newFolder(), 'link.db');
    const log = new SqliteLog({ file });
    await log.open();
    symlinkSync(file, link);
    await refused(new SqliteLog({ file, lockTimeout: 0 }));
    await refused(new SqliteLog({ file: link, lockTimeout: 0 }));
    await log.append([recordOf(1)]);
    await log.close();

    const other = new SqliteLog({ file: link, lockTimeout: 0 });
    await other.open();
    await other.close();
  });
});

describeSqlite('A process that has a SqliteLog', () => {
  afterEach(removeFolders);

  const program = (file: string, body: string) => `
    const { SqliteLog } = require('nestjs-sse-hub/sqlite');
    const record = { topic: 'movies', type: 'message', data: '1', time: Date.now() };
    const log = new SqliteLog({ file: ${JSON.stringify(file)} });
    (async () => { await log.open(); ${body} })();`;

  it('ends by itself when it has nothing else to do, after what was appended', async () => {
    const file = newFile();
    // Loaded by require(), as an application does that is CommonJS.
    const said = await run(
      program(
        file,
        `log.append([record]).then(() => console.log('appended'));
         log.tail('')[Symbol.asyncIterator]().next();`,
      ),
    );
    expect(said).toBe('appended (0)');
  });

  it('does not load what it was started with into the thread that writes', async () => {
    const said = await run(
      program(newFile(), `await log.close(); console.log('closed');`),
      '--import',
      'data:text/javascript,console.log("loaded")',
    );
    expect(said).toBe('loaded\nclosed (0)');
  });

  it('gives the file back when it closes, in one piece', async () => {
    const file = newFile();
    expect(
      await run(
        program(
          file,
          `await log.append([record]);
           await log.close();
           console.log(require('node:fs').readdirSync(require('node:path').dirname(${JSON.stringify(file)})).join());`,
        ),
      ),
    ).toBe('events.db,events.db-lock (0)');
  });
});
