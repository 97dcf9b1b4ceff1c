import { LogUnavailableException, MemoryLog } from 'nestjs-sse-hub';
import type {
  EventLog,
  LogBounds,
  LogCapabilities,
  LogEntry,
  LogHealth,
  LogPage,
  LogPageLimit,
  LogRecord,
  RetentionOptions,
  TailBatch,
} from 'nestjs-sse-hub';
import type { LogUnderTest } from 'nestjs-sse-hub/testing';

/**
 * An engine that outlives its nodes, in this process: the smallest log that is shared and durable, and
 * whose engine goes away and loses history, so that the suite's own cases can be put to the test.
 */
export class MemoryEngine {
  history: MemoryLog;
  isUp = true;
  readonly nodes: EngineNode[] = [];
  #cameBack: (() => void)[] = [];

  constructor(private readonly retention: RetentionOptions) {
    this.history = new MemoryLog(retention);
  }

  stop(): Promise<void> {
    this.isUp = false;
    this.nodes.forEach((node) => node.disconnect());
    return Promise.resolve();
  }

  start(): Promise<void> {
    this.isUp = true;
    this.#cameBack.splice(0).forEach((resolve) => resolve());
    return Promise.resolve();
  }

  async loseHistory(): Promise<void> {
    const lost = this.history;
    this.history = new MemoryLog(this.retention);
    await lost.close();
  }

  /** Resolves when the engine is there, or `wake` is called. */
  async isThere(): Promise<void> {
    if (!this.isUp) {
      await new Promise<void>((resolve) => this.#cameBack.push(resolve));
    }
  }

  wake(): void {
    this.#cameBack.splice(0).forEach((resolve) => resolve());
  }
}

/** What one process has of a `MemoryEngine`. */
export class EngineNode implements EventLog {
  readonly capabilities: LogCapabilities = { durable: true, shared: true };
  readonly #tails = new Set<AsyncIterator<TailBatch>>();
  protected isClosed = false;

  constructor(protected readonly engine: MemoryEngine) {
    engine.nodes.push(this);
  }

  open(): Promise<LogBounds> {
    return this.ask((history) => history.bounds());
  }

  bounds(): Promise<LogBounds> {
    return this.ask((history) => history.bounds());
  }

  append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    return this.ask((history) => history.append(records));
  }

  signal(records: readonly LogRecord[]): Promise<void> {
    return this.ask((history) => history.signal(records));
  }

  async *tail(after: string): AsyncGenerator<TailBatch> {
    let position = after;
    while (!this.isClosed) {
      await this.engine.isThere();
      if (this.isClosed || !this.engine.isUp) {
        continue;
      }
      const tail = this.engine.history.tail(position)[Symbol.asyncIterator]();
      this.#tails.add(tail);
      try {
        for (
          let next = await tail.next();
          !next.done && this.engine.isUp;
          next = await tail.next()
        ) {
          position = positionAfter(next.value) ?? position;
          yield next.value;
        }
      } finally {
        this.#tails.delete(tail);
        await tail.return?.();
      }
    }
  }

  read(after: string, limit: LogPageLimit): Promise<LogPage> {
    return this.ask((history) => history.read(after, limit));
  }

  readBack(through: string, limit: LogPageLimit): Promise<LogPage> {
    return this.ask((history) => history.readBack(through, limit));
  }

  health(): LogHealth {
    return this.isClosed || !this.engine.isUp
      ? { status: 'down', reason: 'stopped' }
      : { status: 'up' };
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.disconnect();
    this.engine.wake();
    return Promise.resolve();
  }

  disconnect(): void {
    for (const tail of this.#tails) {
      void tail.return?.();
    }
  }

  protected async ask<T>(call: (history: MemoryLog) => Promise<T>): Promise<T> {
    const { history } = this.engine;
    if (this.isClosed || !this.engine.isUp) {
      throw new LogUnavailableException('The engine is not there.');
    }
    try {
      return await call(history);
    } catch (error) {
      if (history === this.engine.history) {
        throw error;
      }
      // It was not taken: history was lost before.
      return this.ask(call);
    }
  }
}

/** An engine with one node, and what the suite may do to them. */
export function underTest(
  retention: RetentionOptions,
  Node: new (engine: MemoryEngine) => EngineNode = EngineNode,
): LogUnderTest {
  const engine = new MemoryEngine(retention);
  const log = new Node(engine);
  return {
    log,
    another: () => new Node(engine),
    restart: async () => {
      await log.close();
      return new Node(engine);
    },
    loseHistory: () => engine.loseHistory(),
    engine,
    dispose: async () => {
      await Promise.all(engine.nodes.map((node) => node.close()));
      await engine.history.close();
    },
  };
}

/** Where a tail is after a batch. */
export function positionAfter(batch: TailBatch): string | undefined {
  if ('gap' in batch) {
    return batch.gap.position;
  }
  const last = batch.records.findLast((record) => 'cursor' in record);
  return (last as LogEntry | undefined)?.cursor;
}
