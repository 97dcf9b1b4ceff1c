import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const SAMPLES = join(import.meta.dirname, '../../sample');

/** A built sample in a process of its own. */
export class SampleApp {
  private process?: ChildProcess;

  /** @param environment beside that of the tests */
  protected constructor(
    private readonly sample: string,
    readonly port: number,
    private readonly environment: Record<string, string> = {},
  ) {}

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  async start(): Promise<void> {
    const main = join(SAMPLES, this.sample, 'dist/main.js');
    if (!existsSync(main)) {
      throw new Error(
        `${main} is missing: npm run build --workspace ${this.sample}`,
      );
    }
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, PORT: String(this.port), ...this.environment },
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
}

/**
 * A port below the range from which outgoing connections get theirs, so that none
 * of them takes it while the app is restarted.
 */
export async function freePort(): Promise<number> {
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
