import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { freePort } from './free-port.js';

export interface RedisServerOptions {
  /**
   * Whether what was acknowledged outlives the process. The system has it then (`appendfsync no` writes before
   * it replies), the disk not yet: tests kill servers, never the machine, and wait for no disk that is busy.
   * @default false
   */
  appendOnly?: boolean;
  /** More arguments of the command line, such as `['--maxmemory', '10mb']`. */
  args?: string[];
}

/** Sends a command on a connection that is open already. */
type Command = (...args: string[]) => Promise<unknown>;

const running = new Set<ChildProcess>();
const folders = new Set<string>();

// A test that ends the process without `stop` leaves no server and no data behind.
process.on('exit', () => {
  for (const child of running) {
    child.kill('SIGKILL');
  }
  for (const folder of folders) {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function newFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  folders.add(folder);
  return folder;
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** A `redis-server` of its own on a free port of the loopback interface, with a throw-away data folder. */
export class RedisServer {
  #child!: ChildProcess;
  #saved: string | undefined;

  private constructor(
    readonly port: number,
    /** Where it keeps its data, removed by `stop`. */
    readonly folder: string,
    private readonly options: RedisServerOptions,
  ) {}

  /** Starts a server and waits until it accepts connections. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const folder = await newFolder('redis-');
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(await freePort(), folder, options);
      try {
        await server.#spawn();
        return server;
      } catch (error) {
        // Another process may have taken the port meanwhile.
        if (attempt === 5 || !String(error).includes('in use')) {
          await removeFolder(folder);
          throw error;
        }
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Ends it without a chance to write anything (SIGKILL). */
  async kill(): Promise<void> {
    if (running.has(this.#child)) {
      const exit = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exit;
    }
  }

  /** Starts it again, killed before if need be, on the same port with the same data. */
  async restart(): Promise<void> {
    await this.kill();
    await this.#spawn();
  }

  /** It keeps its connections and answers nothing (SIGSTOP). */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** It goes on where it was frozen. */
  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill();
    await removeFolder(this.folder);
    if (this.#saved !== undefined) {
      await removeFolder(this.#saved);
    }
  }

  async flushAll(): Promise<void> {
    await this.command('FLUSHALL');
  }

  /** Keeps a copy of its data as they are now, for `rollBack`. */
  async save(): Promise<void> {
    if (!this.options.appendOnly) {
      await this.command('SAVE');
    }
    this.#saved ??= await newFolder('redis-saved-');
    await rm(this.#saved, { recursive: true, force: true });
    await cp(this.folder, this.#saved, { recursive: true });
  }

  /** Restarts it with the data that `save` kept: what came since is lost, as by a fail-over. */
  async rollBack(): Promise<void> {
    if (this.#saved === undefined) {
      throw new Error('rollBack() needs a save() before.');
    }
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
    await cp(this.#saved, this.folder, { recursive: true });
    await this.#spawn();
  }

  /** Restarts it with nothing. */
  async restartEmpty(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
    await mkdir(this.folder);
    await this.#spawn();
  }

  /** Sends one command on a connection of its own. */
  command(...args: string[]): Promise<unknown> {
    return this.#connected((command) => command(...args));
  }

  /**
   * Freezes the server, sends it what the steps send, one after the other, and thaws it: it does all in one go, mostly
   * within one millisecond.
   */
  atOnce<Results extends unknown[]>(
    ...steps: {
      [N in keyof Results]: (command: Command) => Promise<Results[N]>;
    }
  ): Promise<Results> {
    return this.#connected(async (command) => {
      const results: Promise<unknown>[] = [];
      this.freeze();
      for (const step of steps) {
        results.push(step(command));
        // It has left, and the server meets it after those before it.
        await sleep(10);
      }
      this.thaw();
      return (await Promise.all(results)) as Results;
    });
  }

  async #connected<Result>(
    use: (command: Command) => Promise<Result>,
  ): Promise<Result> {
    const client = createClient({
      url: this.url,
      socket: { reconnectStrategy: false },
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await use((...args) => client.sendCommand(args));
    } finally {
      client.destroy();
    }
  }

  async #spawn(): Promise<void> {
    const child = spawn(
      'redis-server',
      [
        '--port',
        String(this.port),
        '--bind',
        '127.0.0.1',
        '--dir',
        this.folder,
        '--save',
        '',
        '--appendonly',
        this.options.appendOnly ? 'yes' : 'no',
        '--appendfsync',
        'no',
        ...(this.options.args ?? []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    let log = '';
    await new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        log += chunk.toString();
        if (log.includes('Ready to accept connections')) {
          resolve();
        }
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('error', (error) => {
        running.delete(child);
        reject(error);
      });
      child.once('exit', () =>
        reject(new Error(`redis-server did not start:\n${log}`)),
      );
    });
    // Read on, or a full pipe would stop it.
    child.stdout.removeAllListeners('data').resume();
    child.stderr.removeAllListeners('data').resume();
  }
}
