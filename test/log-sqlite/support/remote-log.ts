import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SqliteLogOptions } from 'nestjs-sse-hub/sqlite';
import type { Calls, Said } from './process-calls.js';

const root = join(import.meta.dirname, '../../..');

const processes = new Set<RemoteLog>();

/** What a call of another process was rejected with. */
export class RemoteError extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

interface Waiting {
  readonly resolve: (result: any) => void;
  readonly reject: (error: Error) => void;
}

/** A log that a process of its own has. */
export class RemoteLog {
  /** Called with what a process that publishes says. */
  onSaid: (said: Said) => void = () => undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<unknown>;
  #calls = 0;

  /**
   * Starts a process, which does not open the log yet.
   *
   * @param around a command that runs the one that is appended to it, as `['nice']`
   */
  static async start(
    options: SqliteLogOptions,
    around: readonly string[] = [],
  ): Promise<RemoteLog> {
    if (!existsSync(join(root, 'dist/sqlite.js'))) {
      throw new Error('dist/sqlite.js is missing: npm run build');
    }
    const [command, ...rest] = [
      ...around,
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'log-process.ts'),
      JSON.stringify(options),
    ];
    const child = spawn(command!, rest, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const log = new RemoteLog(child);
    processes.add(log);
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => {
        throw new Error('the process has ended before it was ready');
      }),
    ]);
    child.on('message', (message) => log.#take(message));
    return log;
  }

  private constructor(private readonly child: ChildProcess) {
    this.#exited = once(child, 'exit').then(() => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error('the process has ended'));
      }
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** @throws RemoteError */
  call<Name extends keyof Calls>(
    name: Name,
    ...argument: Parameters<Calls[Name]>
  ): Promise<Awaited<ReturnType<Calls[Name]>>> {
    return new Promise((resolve, reject) => {
      const id = this.#calls++;
      this.#waiting.set(id, { resolve, reject });
      this.child.send({ id, name, argument: argument[0] });
    });
  }

  /** kill -9 */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#exited;
    processes.delete(this);
  }

  #take(message: any): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) {
      this.onSaid(message as Said);
      return;
    }
    this.#waiting.delete(message.id);
    if ('error' in message) {
      const { type, message: text } = message.error;
      waiting.reject(new RemoteError(type, text));
    } else {
      waiting.resolve(message.result);
    }
  }
}

/** Ends what the tests of a file have started; for `afterEach`. */
export async function killProcesses(): Promise<void> {
  await Promise.all(Array.from(processes, (log) => log.kill()));
}
