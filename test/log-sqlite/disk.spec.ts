import { openSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { newFile, newFolder, removeFolders } from './support/folders.js';
import { canMount, withMounts } from './support/mounts.js';
import { RemoteError, RemoteLog, killProcesses } from './support/remote-log.js';
import type { Crash } from './support/process-calls.js';
import { describeSqlite } from './support/sqlite-tests.js';

const KB_100 = 100_000;

const CRASHES = ['throw', 'reject', 'exit'] as const;

const EVERYTHING = { events: 1e6, bytes: 1e9 };

/** Appends until it is rejected. */
async function fill(
  remote: RemoteLog,
): Promise<{ cursors: string[]; error: RemoteError }> {
  const cursors: string[] = [];
  for (;;) {
    try {
      cursors.push(...(await remote.call('appendBytes', KB_100)));
    } catch (error) {
      return { cursors, error: error as RemoteError };
    }
  }
}

async function comesUp(remote: RemoteLog): Promise<void> {
  while ((await remote.call('health')).status === 'down');
}

/** What is retained is what was acknowledged, and perhaps what was rejected. */
async function holds(remote: RemoteLog, acknowledged: string[]): Promise<void> {
  const { floor } = await remote.call('bounds');
  const { entries } = await remote.call('read', [floor, EVERYTHING]);
  const cursors = entries.map(({ cursor }) => cursor);
  expect(cursors).toEqual([...new Set(cursors)].sort());
  expect(cursors).toEqual(expect.arrayContaining(acknowledged));
}

/** A closed file with two megabytes of entries. */
async function fullFile(): Promise<string> {
  const file = newFile();
  const remote = await RemoteLog.start({ file });
  await remote.call('open');
  for (let i = 0; i < 20; i++) {
    await remote.call('appendBytes', KB_100);
  }
  await remote.call('close');
  return file;
}

/** Overwrites a part of a file, as a failing disk does. */
function damage(file: string, from: number, to: number): void {
  const opened = openSync(file, 'r+');
  writeSync(opened, Buffer.alloc(to - from, 0xa5), 0, to - from, from);
  closeSync(opened);
}

describeSqlite('A SqliteLog on a disk', () => {
  afterEach(async () => {
    await killProcesses();
    removeFolders();
  });

  (canMount ? it : it.skip)(
    'that is full says so, can be read, keeps what was acknowledged, and goes on when there is room',
    async () => {
      const folder = newFolder();
      const remote = await RemoteLog.start(
        { file: join(folder, 'events.db') },
        withMounts(`mount -t tmpfs -o size=4m tmpfs ${folder}`),
      );
      await remote.call('open');
      const { cursors, error } = await fill(remote);
      expect(error).toMatchObject({
        type: 'LogUnavailableException',
        message: 'The log cannot be used: the disk is full.',
      });
      expect(await remote.call('health')).toMatchObject({
        status: 'down',
        reason: expect.stringContaining('the disk is full. Make room.'),
      });
      await holds(remote, cursors);

      await remote.call('run', ['mount', '-o', 'remount,size=64m', folder]);
      await comesUp(remote);
      cursors.push(...(await remote.call('appendBytes', KB_100)));
      await holds(remote, cursors);
    },
  );

  it('that takes no larger files says so, keeps what was acknowledged, and goes on when it does', async () => {
    // In units of 1024 bytes; the signal that comes with it is ignored by Node.
    const limited = ['bash', '-c', 'ulimit -S -f 2000; exec "$@"', 'bash'];
    const remote = await RemoteLog.start({ file: newFile() }, limited);
    await remote.call('open');
    const { cursors, error } = await fill(remote);
    expect(error).toMatchObject({
      type: 'LogUnavailableException',
      message: expect.stringContaining('the disk has reported an error'),
    });
    await holds(remote, cursors);

    await remote.call('run', [
      'prlimit',
      '--fsize=unlimited',
      '--pid',
      `${remote.pid}`,
    ]);
    await comesUp(remote);
    cursors.push(...(await remote.call('appendBytes', KB_100)));
    await holds(remote, cursors);
  });

  (canMount ? it : it.skip).each(['an empty folder', 'a file'])(
    'that is read-only is refused when it is opened (%s)',
    async (what) => {
      const file = what === 'a file' ? await fullFile() : newFile();
      const folder = join(file, '..');
      const remote = await RemoteLog.start(
        { file },
        withMounts(
          `mount --bind ${folder} ${folder} && mount -o remount,bind,ro ${folder}`,
        ),
      );
      await expect(remote.call('open')).rejects.toMatchObject({
        type: 'SqliteFileException',
        message: `SqliteLog cannot open ${file}: the file cannot be opened. Make its folder, and let this process read and write there.`,
      });
    },
  );

  it('that has damaged the entries says so when it meets that, and stays down', async () => {
    const file = await fullFile();
    damage(file, 1_000_000, 1_500_000);
    const remote = await RemoteLog.start({ file });
    const { floor } = await remote.call('open');

    await expect(
      remote.call('read', [floor, EVERYTHING]),
    ).rejects.toMatchObject({
      type: 'LogUnavailableException',
      message: 'The log cannot be used: the file is damaged.',
    });
    // It has looked through the file twice since.
    while ((await remote.call('writersStarted')) < 4);
    expect(await remote.call('health')).toMatchObject({
      status: 'down',
      reason: expect.stringContaining(
        '(or restore a backup and delete the "-lock" file)',
      ),
    });
    await expect(remote.call('appendBytes', 1)).rejects.toMatchObject({
      type: 'LogUnavailableException',
    });
  });

  it('that has damaged its header is refused, and nothing is written to the file', async () => {
    const file = await fullFile();
    damage(file, 0, 100);
    const { mtimeMs } = statSync(file);
    const remote = await RemoteLog.start({ file });
    await expect(remote.call('open')).rejects.toMatchObject({
      type: 'SqliteFileException',
      message: expect.stringContaining('the file is no database'),
    });
    expect(statSync(file).mtimeMs).toBe(mtimeMs);
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it('whose -lock file is damaged says which file to delete', async () => {
    const file = await fullFile();
    writeFileSync(`${file}-lock`, 'x'.repeat(5000));
    const remote = await RemoteLog.start({ file });
    await expect(remote.call('open')).rejects.toMatchObject({
      type: 'SqliteFileException',
      message: `SqliteLog cannot open ${file}: the "-lock" file beside it is damaged. Delete it while no process uses the log. Clients get hub.reset once.`,
    });
  });

  it('goes on when the thread that writes has crashed, with every acknowledged entry once', async () => {
    const remote = await RemoteLog.start({ file: newFile() });
    await remote.call('open');
    const acknowledged: string[] = [];
    for (let round = 0; round < 5; round++) {
      const calls = Array.from({ length: 50 }, (_, n) =>
        remote.call('append', [n, n]),
      );
      const settled = Promise.allSettled(calls);
      await calls[round * 3];
      await remote.call('crashWriter', CRASHES[round % CRASHES.length]!);
      for (const call of await settled) {
        if (call.status === 'fulfilled') {
          acknowledged.push(...call.value);
        } else {
          expect(call.reason).toMatchObject({
            type: 'LogUnavailableException',
            message:
              'The log cannot be used: the thread that writes the file has ended.',
          });
        }
      }
      await comesUp(remote);
      await holds(remote, acknowledged);
    }
    expect(await remote.call('writersStarted')).toBe(6);
  });

  it.each<[Crash, string]>([
    ['throw', 'has ended. Node says: broken'],
    ['exit', 'has ended.'],
  ])(
    'says that the thread that writes has crashed, also when nothing is appended (%s)',
    async (crash, why) => {
      const file = newFile();
      const remote = await RemoteLog.start({ file });
      await remote.call('open');

      expect(await remote.call('crashWriter', crash)).toEqual({
        status: 'down',
        reason: `${file}: the thread that writes the file ${why}`,
      });
      await comesUp(remote);
      await holds(remote, await remote.call('append', [1]));
    },
  );

  it('says that the thread that writes cannot be started, goes on when it can, and closes', async () => {
    const file = newFile();
    const few = ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'];
    const remote = await RemoteLog.start({ file }, few);
    const cannotStart = expect.stringMatching(
      /the thread that writes the file cannot be started\. Node says: .*EMFILE/,
    );
    await remote.call('useUpFiles');
    await expect(remote.call('open')).rejects.toMatchObject({
      type: 'SqliteFileException',
      message: cannotStart,
    });
    await remote.call('freeFiles');
    await remote.call('open');
    const [cursor] = await remote.call('append', [1]);

    await remote.call('useUpFiles');
    await remote.call('crashWriter', 'throw');
    // The third has failed when there is a fourth.
    while ((await remote.call('writersStarted')) < 4);
    expect(await remote.call('health')).toEqual({
      status: 'down',
      reason: cannotStart,
    });
    await remote.call('freeFiles');
    await comesUp(remote);
    await holds(remote, [cursor!, ...(await remote.call('append', [2]))]);

    await remote.call('useUpFiles');
    await remote.call('crashWriter', 'throw');
    await remote.call('close');
  });
});
