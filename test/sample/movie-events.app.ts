import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const MAIN = join(
  import.meta.dirname,
  '../../sample/movie-events/dist/main.js',
);

export const ALIEN = { title: 'Alien', year: 1979, genre: 'horror' };
export const HEAT = { title: 'Heat', year: 1995, genre: 'crime' };

/** The built movie-events app in a process of its own, with data of its own. */
export class MovieEventsApp {
  private process?: ChildProcess;

  private constructor(
    readonly port: number,
    private readonly dataDir: string,
  ) {}

  static async create(): Promise<MovieEventsApp> {
    if (!existsSync(MAIN)) {
      throw new Error(
        `${MAIN} is missing: npm run build --workspace movie-events`,
      );
    }
    const dataDir = await mkdtemp(join(tmpdir(), 'movie-events-'));
    const app = new MovieEventsApp(await freePort(), dataDir);
    await app.start();
    return app;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, PORT: String(this.port), DATA_DIR: this.dataDir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.process = child;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes('Open http')) {
        // Unread output would block the process once the pipe is full.
        child.stdout.resume();
        return;
      }
    }
    throw new Error(`The app ended before it listened, with ${child.exitCode}`);
  }

  /** Ends it: SIGKILL as a crash does, SIGTERM as an operator does. */
  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number | null> {
    const child = this.process!;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  }

  async dispose(): Promise<void> {
    await this.end();
    await rm(this.dataDir, { recursive: true });
  }

  send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: { 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  async add(
    movie: object,
    headers?: Record<string, string>,
  ): Promise<{ id: number }> {
    return (await this.send('POST', '/movie', movie, headers)).json();
  }

  /** Removes all movies. */
  async clear(): Promise<void> {
    const { data } = await (await this.send('GET', '/movies')).json();
    for (const { id } of data) {
      await this.send('DELETE', `/movie/${id}`);
    }
  }

  /** As the README shows it. */
  async curl(movie: object): Promise<void> {
    const body = JSON.stringify(movie);
    const type = 'Content-Type: application/json';
    const options = ['-sS', '--fail', '-X', 'POST', '-H', type, '-d', body];
    await promisify(execFile)('curl', [...options, `${this.url}/movie`]);
  }
}

/**
 * A port below the range from which outgoing connections get theirs, so that none
 * of them takes it while the app is restarted.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) {
      return port;
    }
  }
}
