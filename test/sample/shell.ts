import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs the commands of a README as a reader would, each in a terminal of its own. */
export class Shell {
  private readonly terminals: Terminal[] = [];

  private constructor(private readonly directory: string) {}

  static async open(): Promise<Shell> {
    return new Shell(await mkdtemp(join(tmpdir(), 'shell-')));
  }

  run(command: string): Terminal {
    const terminal = new Terminal(command, this.directory);
    this.terminals.push(terminal);
    return terminal;
  }

  async close(): Promise<void> {
    this.terminals.forEach((terminal) => terminal.close());
    await rm(this.directory, { recursive: true });
  }
}

export class Terminal {
  output = '';
  private readonly child: ChildProcess;
  private readonly wakes = new Set<() => void>();
  private isOver = false;

  constructor(command: string, cwd: string) {
    // A group of its own, so that what the shell has started ends with it.
    this.child = spawn('bash', ['-c', command], {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.wakes.forEach((wake) => wake());
    });
    this.child.on('close', () => {
      this.isOver = true;
      this.wakes.forEach((wake) => wake());
    });
  }

  /** Waits for something in the output. */
  shows(text: string): Promise<void> {
    return this.until(() => this.output.includes(text));
  }

  /** Waits for the end of the command, and gives its output. */
  async ended(): Promise<string> {
    await this.until(() => this.isOver);
    return this.output;
  }

  close(): void {
    if (!this.isOver) {
      process.kill(-this.child.pid!);
    }
  }

  private until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (condition()) {
          this.wakes.delete(check);
          resolve();
        }
      };
      this.wakes.add(check);
      check();
    });
  }
}
