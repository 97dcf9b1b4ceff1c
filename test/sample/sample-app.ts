import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setSseTestTimeout } from 'nestjs-sse-hub/testing';

// As long as the tests of this package may take on a busy machine.
setSseTestTimeout(30_000);

const SAMPLES = join(import.meta.dirname, '../../sample');

/** A built sample in a process of its own. */
export class SampleApp {
  private process?: ChildProcess;
  private readonly output = new EventEmitter();

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
    // Read to the end, as unread output would block the process once the pipe is full.
    const output = createInterface({ input: child.stdout });
    output.on('line', (line) => this.output.emit('line', line));
    const ended = once(output, 'close').then(() => {
      throw new Error(
        `The app ended before it listened, with ${child.exitCode}`,
      );
    });
    await Promise.race([this.says('Open http'), ended]);
  }

  /** Resolves with the next line of its output that has a text in it. */
  says(text: string): Promise<string> {
    return new Promise((resolve) => {
      const hear = (line: string) => {
        if (line.includes(text)) {
          this.output.off('line', hear);
          resolve(line);
        }
      };
      this.output.on('line', hear);
    });
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
