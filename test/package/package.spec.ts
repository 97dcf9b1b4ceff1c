import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { undocumentedExports } from './documentation.js';
import { InstalledApp } from './installed-app.js';
import { type Tarball, pack } from './tarball.js';

// npm installs two apps.
jest.setTimeout(240_000);

let directory: string;
let tarball: Tarball;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'package-'));
  tarball = await pack(directory);
});

afterAll(() => rm(directory, { recursive: true }));

describe('The tarball', () => {
  it('has README, LICENSE, CHANGELOG and what was built, and no more', () => {
    const others = tarball.files.filter(
      (path) => !/^dist\/.*\.(js|js\.map|d\.ts)$/.test(path),
    );
    expect(others.toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'package.json',
    ]);
  });

  it('has no tests', () => {
    const isTest = /\.spec\.|(^|\/)tests?\//;
    expect(tarball.files.filter((path) => isTest.test(path))).toEqual([]);
  });
});

describe('An app made by nest new', () => {
  const app = useApp(() => InstalledApp.nestNew(directory, tarball));

  it('is built by its own settings, runs and gets an event', () =>
    getsAnEvent(app()));

  it('finds types that are right also as a bundler looks for them', async () => {
    const output = await app().tsc(
      '-p tsconfig.build.json --noEmit --incremental false --listFiles ' +
        '--module esnext --moduleResolution bundler --skipLibCheck false',
    );
    expect(output).toMatch(/nestjs-sse-hub\/dist\/index\.d\.ts$/m);
    // Types of other packages may be wrong; that is not ours.
    expect(output).not.toMatch(/^(src|node_modules\/nestjs-sse-hub)\/.*error/m);
  });

  it('finds types of the test kit that are right without what is optional', async () => {
    const file = join(app().directory, 'src/kit.ts');
    await writeFile(file, `export * from 'nestjs-sse-hub/testing';\n`);
    const output = await app().tsc(
      '-p tsconfig.build.json --noEmit --incremental false --listFiles --skipLibCheck false',
    );
    await rm(file);
    expect(output).toMatch(/nestjs-sse-hub\/dist\/testing\.d\.ts$/m);
    expect(output).not.toMatch(/^(src|node_modules\/nestjs-sse-hub)\/.*error/m);
  });

  it.each(['index', 'redis', 'sqlite', 'testing'])(
    'sees what each export of %s is for',
    (entry) => {
      expect(undocumentedExports(app().package, entry)).toEqual([]);
    },
  );

  it('gets no package that only another log needs', () => {
    const modules = join(app().directory, 'node_modules');
    expect(existsSync(join(modules, 'rxjs'))).toBe(true);
    expect(existsSync(join(modules, 'redis'))).toBe(false);
  });
});

describe('A CommonJS app', () => {
  const app = useApp(() => InstalledApp.commonJs(directory, tarball));

  it('is built by tsc, runs and gets an event', () => getsAnEvent(app()));
});

function useApp(install: () => Promise<InstalledApp>): () => InstalledApp {
  let app: InstalledApp;

  beforeAll(async () => {
    app = await install();
  });

  afterEach(async () => {
    await closeSseTestClients();
    await app.stop();
  });

  return () => app;
}

async function getsAnEvent(app: InstalledApp): Promise<void> {
  await app.npm('run', 'build');
  const url = await app.start();
  const client = await SseTestClient.connect(`${url}/events`);
  const response = await fetch(`${url}/movie`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ title: 'Alien' }),
  });
  expect(response.status).toBe(201);
  expect(await client.next()).toMatchObject({
    type: 'added',
    data: { title: 'Alien' },
  });
}
