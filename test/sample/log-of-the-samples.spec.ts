import { spawn } from 'node:child_process';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { rm } from 'node:fs/promises';
import { once } from 'node:events';
import { SseTestClient } from 'nestjs-sse-hub/testing';
import { ALIEN, HEAT, MovieEventsApp, newDataDir } from './movie-events.app.js';

const SAMPLES = join(import.meta.dirname, '../../sample');
const withSqlite = isBuiltin('node:sqlite') ? it : it.skip;
const withoutSqlite = isBuiltin('node:sqlite') ? it.skip : it;

describe.each(['movie-events', 'accounts', 'chat'])(
  'LOG of the %s app',
  (sample) => {
    /** Starts it with a log with which it cannot. */
    async function failure(log: string) {
      const dataDir = await newDataDir();
      const child = spawn(process.execPath, ['dist/main.js'], {
        cwd: join(SAMPLES, sample),
        env: { ...process.env, PORT: '0', DATA_DIR: dataDir, LOG: log },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const [output, [code]] = await Promise.all([
        text(child.stderr),
        once(child, 'exit'),
      ]);
      await rm(dataDir, { recursive: true });
      return { output, code };
    }

    it('is refused when it is none that there is, without telling a password', async () => {
      const { output, code } = await failure('postgres://app:secret@db');
      expect(code).not.toBe(0);
      expect(output).toContain(
        'LOG begins with "postgres": it must be memory, sqlite:<file>, redis://<host>:<port>',
      );
      expect(output).not.toContain('secret');
    });

    withoutSqlite('says which Node it takes for sqlite', async () => {
      const { output, code } = await failure('sqlite:events.db');
      expect(code).not.toBe(0);
      expect(output).toMatch(/22\.13/);
    });
  },
);

withSqlite(
  'LOG=sqlite:… of the movie-events app keeps what a page missed over a crash',
  async () => {
    const dataDir = await newDataDir();
    const log = `sqlite:${join(dataDir, 'events.db')}`;
    const app = await MovieEventsApp.create({ log, dataDir });
    try {
      const page = await SseTestClient.connect(`${app.url}/events`);
      await app.add(ALIEN);
      await page.next('movie.added');
      await page.dropConnection();
      await app.add(HEAT);
      await app.end('SIGKILL');
      await app.start();
      await page.reconnect();
      const { data } = await page.next('movie.added');
      expect(data).toMatchObject(HEAT);
      expect(page.received.map(({ type }) => type)).not.toContain('hub.reset');
      await page.dropConnection();
    } finally {
      await app.dispose();
    }
  },
);
