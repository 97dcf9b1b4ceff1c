import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeConfig } from '../app/messages.js';

/** How long a process may take to be ready on a busy machine, in milliseconds. */
const START_TIMEOUT = 30_000;

/** How long an orderly end may take, in milliseconds. */
const STOP_TIMEOUT = 15_000;

/** Between two attempts to start while the engine is away, in milliseconds. */
const RESTART_PAUSE = 250;

/** Lines of output that are kept for who has to look for a fault. */
const LINES = 40;

/** One application process that is started again on the same port, as often as it takes. */
export class AppNode {
  /** Counts the processes: a connection belongs to one life. */
  life = 0;
  /** From the first sign of readiness to the first sign of the end. */
  ready = false;
  /** Publishes that it has answered with a failure. */
  failures = 0;
  /** What the processes have said last. */
  readonly output: string[] = [];
  readonly #exits = new Set<Promise<unknown>>();
  #child: ChildProcess | undefined;
  #stopped = false;

  constructor(
    readonly name: string,
    private readonly file: URL,
    private readonly config: NodeConfig,
    /** Takes ends of the process that nobody asked for. */
    private readonly complain: (text: string) => void,
  ) {}

  get platform(): string {
    return this.config.platform;
  }

  get url(): string {
    return `http://127.0.0.1:${this.config.port}`;
  }

  /** Starts it, and again when the engine is away, until it is ready. */
  async start(patience = START_TIMEOUT): Promise<void> {
    const deadline = Date.now() + patience;
    while (!(await this.#spawn())) {
      if (this.#stopped) {
        return;
      }
      if (Date.now() > deadline) {
        throw new Error(`${this.name} does not start:\n${this.told}`);
      }
      await sleep(RESTART_PAUSE);
    }
  }

  /** kill -9 */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As at a deploy. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Ends it for good, whatever it does. */
  async dispose(): Promise<void> {
    this.#stopped = true;
    await this.kill();
    await Promise.all(this.#exits);
  }

  /** Ends it at once, from the handler of an exit. */
  killNow(): void {
    this.#child?.kill('SIGKILL');
  }

  get told(): string {
    return this.output.map((line) => `  ${this.name} │ ${line}`).join('\n');
  }

  /** @returns whether it has become ready */
  async #spawn(): Promise<boolean> {
    const child = fork(this.file, [JSON.stringify(this.config)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: { ...process.env, NODE_ENV: 'production', NO_COLOR: '1' },
    });
    this.#child = child;
    this.life++;
    child.stdout!.on('data', (text: Buffer) => this.#keep(text));
    child.stderr!.on('data', (text: Buffer) => this.#keep(text));
    const exited = once(child, 'exit').then(([code, signal]) => {
      if (this.ready && this.#child === child) {
        this.ready = false;
        this.complain(
          `${this.name} has ended by itself (${code ?? signal})\n${this.told}`,
        );
      }
    });
    this.#exits.add(exited.finally(() => this.#exits.delete(exited)));
    const listens = once(child, 'message').then(() => true);
    const isReady = await Promise.race([listens, exited]);
    if (isReady !== true || this.#child !== child) {
      return false;
    }
    this.ready = true;
    return true;
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.ready = false;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode) {
      return;
    }
    const exited = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => {
      this.complain(
        `${this.name} has not ended within ${STOP_TIMEOUT} ms of ${signal}\n${this.told}`,
      );
      child.kill('SIGKILL');
    }, STOP_TIMEOUT);
    await exited;
    clearTimeout(late);
  }

  #keep(text: Buffer): void {
    const lines = text.toString().split('\n').filter(Boolean);
    this.output.push(...lines);
    this.output.splice(0, this.output.length - LINES);
  }
}
