import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Longer than any single call takes on a slow machine; what hangs ends the run instead of blocking it. */
const CALL_TIMEOUT = 180_000;
const STOP_TIMEOUT = 5_000;

interface Waiting {
  resolve: (result: any) => void;
  reject: (error: Error) => void;
}

interface Message {
  ready?: unknown;
  id?: number;
  result?: unknown;
  error?: string;
}

/** A process of its own that answers calls over Node's IPC channel. */
export class RemoteProcess<Ready = unknown> {
  private readonly waiting = new Map<number, Waiting>();
  private calls = 0;

  private constructor(
    private readonly child: ChildProcess,
    readonly ready: Ready,
    /** From its start to when it was ready, in milliseconds. */
    readonly startedIn: number,
  ) {
    child.on('message', (message: Message) => this.settle(message));
    child.on('exit', () =>
      this.failAll(new Error(`${child.spawnfile} ${child.pid} has exited`)),
    );
  }

  static async start<Ready>(
    file: URL,
    args: readonly string[] = [],
    execArgv: readonly string[] = [],
  ): Promise<RemoteProcess<Ready>> {
    const start = performance.now();
    const child = fork(file, args, {
      execArgv: [...execArgv],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    const failed = once(child, 'exit').then(() => {
      throw new Error(`${file.pathname} ${args.join(' ')} did not start`);
    });
    const [message] = await Promise.race([once(child, 'message'), failed]);
    failed.catch(() => {});
    return new RemoteProcess<Ready>(
      child,
      (message as Message).ready as Ready,
      performance.now() - start,
    );
  }

  async call<Result = void>(name: string, argument?: unknown): Promise<Result> {
    const id = ++this.calls;
    const timer = setTimeout(
      () =>
        this.settle({
          id,
          error: `no answer to ${name} within ${CALL_TIMEOUT} ms`,
        }),
      CALL_TIMEOUT,
    );
    try {
      return await new Promise<Result>((resolve, reject) => {
        this.waiting.set(id, { resolve, reject });
        this.child.send({ id, name, argument });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets the process end by itself (a CPU profile is written then), and ends it if it does not. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT);
    this.child.disconnect();
    await exited;
    clearTimeout(timer);
  }

  private settle({ id, result, error }: Message): void {
    if (id === undefined) return;
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }

  private failAll(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
