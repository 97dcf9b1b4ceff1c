import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from './tarball.js';
import { UnpackedPackage } from './unpacked-package.js';

const SUBPATHS = {
  'nestjs-sse-hub': ['EventHub', 'MemoryLog', 'Sse', 'SseModule'],
  'nestjs-sse-hub/redis': ['RedisLog', 'RedisMissingException'],
  'nestjs-sse-hub/sqlite': ['SqliteLog', 'SqliteMissingException'],
  'nestjs-sse-hub/testing': ['logContract'],
};

const hasSqlite = process.getBuiltinModule('node:sqlite') !== undefined;

let directory: string;
let unpacked: UnpackedPackage;

// Where neither the package redis nor, on an older Node, node:sqlite is to be had.
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'subpaths-'));
  const tarball = await pack(directory);
  unpacked = await UnpackedPackage.make(join(directory, 'app'), tarball);
});

afterAll(() => rm(directory, { recursive: true }));

describe.each(Object.entries(SUBPATHS))('%s', (subpath, names) => {
  it('can be imported', async () => {
    const found = await unpacked.esm(
      `import * as all from '${subpath}'; say(Object.keys(all));`,
    );

    expect(found).toEqual(expect.arrayContaining(names));
  });

  it('can be required', async () => {
    const found = await unpacked.commonJs(
      `say(Object.keys(require('${subpath}')));`,
    );

    expect(found).toEqual(expect.arrayContaining(names));
  });
});

describe('RedisLog without the package redis', () => {
  it('is made, and says when it is opened what to install', async () => {
    const error = await unpacked.esm(`
      import { RedisLog, RedisMissingException } from 'nestjs-sse-hub/redis';
      const error = await new RedisLog().open().catch((error) => error);
      say({ message: error.message, is: error instanceof RedisMissingException });
    `);

    expect(error).toEqual({
      message: expect.stringContaining('npm install redis@6'),
      is: true,
    });
  });
});

describe('SqliteLog', () => {
  const code = `
    import { SqliteLog } from 'nestjs-sse-hub/sqlite';
    const log = new SqliteLog({ file: 'events.db' });
    const { head } = await log.open();
    const record = { topic: 't', type: 't', data: '1', time: Date.now() };
    const [{ cursor }] = await log.append([record]);
    await log.close();
    say(cursor > head);
  `;

  if (hasSqlite) {
    it('stores an event', async () => {
      expect(await unpacked.esm(code)).toBe(true);
    });
  } else {
    it('says which Node it needs', async () => {
      await expect(unpacked.esm(code)).rejects.toThrow(/Node 22\.13 or later/);
    });
  }
});

describe('The log contract', () => {
  it('needs no test runner', async () => {
    const failed = await unpacked.esm(`
      import { MemoryLog } from 'nestjs-sse-hub';
      import { logContract } from 'nestjs-sse-hub/testing';
      const cases = logContract(async (retention) => {
        const log = new MemoryLog(retention);
        return { log, dispose: () => log.close() };
      });
      const failed = [];
      for (const { name, run } of cases) {
        await run().catch(({ message }) => failed.push(message));
      }
      say({ failed, isWhole: cases.length > 50 });
    `);

    expect(failed).toEqual({ failed: [], isWhole: true });
  });
});
