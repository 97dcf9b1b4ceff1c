import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from './tarball.js';
import { UnpackedPackage } from './unpacked-package.js';

const SUBPATHS = {
  'nestjs-sse-hub': ['EventHub', 'MemoryLog', 'Sse', 'SseModule'],
  'nestjs-sse-hub/redis': ['RedisLog', 'RedisMissingException'],
  'nestjs-sse-hub/sqlite': ['SqliteLog', 'SqliteMissingException'],
  'nestjs-sse-hub/testing': [
    'SseTestClient',
    'TestEventHub',
    'evictHistory',
    'expireLease',
    'logContract',
  ],
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

describe('The test kit', () => {
  const code = `
    const { createServer } = HTTP;
    const { TestEventHub, SseTestClient, closeSseTestClients } = KIT;
    const { TestScheduler } = RXJS;
    async function main() {
      const hub = new TestEventHub();
      await hub.publish('movies', { data: { title: 'Alien' } });

      const marbles = [];
      const scheduler = new TestScheduler((actual) => marbles.push(actual));
      scheduler.run(({ expectObservable, hot }) => {
        const virtual = new TestEventHub({ scheduler });
        expectObservable(virtual.listen({ topics: ['movies'] })).toBe('--a');
        hot('--a').subscribe(() => virtual.publish('movies', { data: 1 }));
      });

      const server = createServer((request, response) => {
        response.setHeader('content-type', 'text/event-stream');
        response.write('event: hello\\ndata: {"n":1}\\n\\n');
      });
      await new Promise((done) => server.listen(0, '127.0.0.1', done));
      const url = 'http://127.0.0.1:' + server.address().port;
      const client = await SseTestClient.connect(url);
      const { data } = await client.next('hello');
      await closeSseTestClients();
      server.close();
      say({
        published: hub.published.map(({ data }) => data),
        frames: marbles[0].map(({ frame }) => frame),
        data,
      });
    }
  `;
  const works = {
    published: [{ title: 'Alien' }],
    frames: [2],
    data: { n: 1 },
  };

  it('needs no test runner and no package besides the peers', async () => {
    const said = await unpacked.esm(`
      import * as HTTP from 'node:http';
      import * as KIT from 'nestjs-sse-hub/testing';
      import * as RXJS from 'rxjs/testing';
      ${code}
      await main();
    `);

    expect(said).toEqual(works);
  });

  it('works where it is required', async () => {
    const said = await unpacked.commonJs(`
      const HTTP = require('node:http');
      const KIT = require('nestjs-sse-hub/testing');
      const RXJS = require('rxjs/testing');
      ${code}
      main();
    `);

    expect(said).toEqual(works);
  });
});
