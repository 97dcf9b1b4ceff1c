import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MovieEventsApp } from '../sample/movie-events.app.js';
import { SHELL } from './checks.js';
import { type Command, commandsOf } from './commands.js';
import type { Page } from './page.js';

/** Where the movie-events app answers, in the documentation. */
const APP = 'localhost:3000';

/** Says its headers, whatever the command does with the body. */
const VERBOSE_CURL =
  'curl() { command curl --verbose --no-progress-meter --max-time 30 "$@"; }';

export function curlsIn(page: Page): Command[] {
  return page.blocks
    .filter(({ language }) => SHELL.includes(language))
    .flatMap(commandsOf)
    .filter(({ text }) => /\bcurl\b/.test(text) && text.includes(APP));
}

/** For the tests of a block: an app, and what it says to a command. */
export function useAppForCurl() {
  let app: MovieEventsApp;
  let directory: string;

  beforeAll(async () => {
    app = await MovieEventsApp.create();
    directory = await mkdtemp(join(tmpdir(), 'docs-'));
  });

  afterAll(async () => {
    await app.dispose();
    await rm(directory, { recursive: true });
  });

  return async ({ place, text }: Command): Promise<string[]> => {
    const command = text.replaceAll(APP, `localhost:${app.port}`);
    const { status, output } = await run(command, directory);
    if (!status) return [`${place}: no answer\n${output}`];
    const refused = status === 404 || status >= 500;
    return refused ? [`${place}: answers ${status}`] : [];
  };
}

/** Up to the status: what follows may be a stream without an end. */
async function run(command: string, directory: string) {
  const child = spawn(
    'bash',
    ['-c', `${VERBOSE_CURL}\n${command}`],
    // A group of its own, so that a pipe ends as a whole.
    { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  const exited = once(child, 'exit');
  let output = '';
  let status: number | undefined;
  for await (const line of createInterface({ input: child.stderr })) {
    output += `${line}\n`;
    status = Number(/^< HTTP\/\S+ ([2-5]\d\d)/.exec(line)?.[1]) || undefined;
    if (status) break;
  }
  try {
    process.kill(-child.pid!);
  } catch {
    // It has ended by itself.
  }
  await exited;
  return { status, output };
}
