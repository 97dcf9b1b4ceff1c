import { LogUnavailableException } from 'nestjs-sse-hub';
import type {
  LogBounds,
  LogEntry,
  LogHealth,
  LogPageLimit,
  LogRecord,
  TailBatch,
} from 'nestjs-sse-hub';
import { EngineNode } from '../memory-engine.js';
import type { BrokenEngines } from './broken-engine.js';

export const ABSENCE: BrokenEngines = {
  'waits for the engine for ever': {
    breaks:
      'engine away: every method rejects with LogUnavailableException in a bounded time',
    Node: class extends EngineNode {
      override async read(after: string, limit: LogPageLimit) {
        await this.engine.isThere();
        return super.read(after, limit);
      }
    },
  },
  'rejects with an error of its client': {
    breaks:
      'engine away: every method rejects with LogUnavailableException in a bounded time',
    Node: class extends EngineNode {
      override async signal(records: readonly LogRecord[]) {
        await super.signal(records).catch((cause: unknown) => {
          throw new Error('ECONNREFUSED', { cause });
        });
      }
    },
  },
  'says up while the engine is away': {
    breaks: 'engine away: health says down and why, and up when it is back',
    Node: class extends EngineNode {
      override health(): LogHealth {
        return { status: 'up' };
      }
    },
  },
  'opens once only': {
    breaks: 'engine away: open rejects, and works when it is called again',
    Node: class extends EngineNode {
      #opened: Promise<LogBounds> | undefined;
      override open(): Promise<LogBounds> {
        return (this.#opened ??= super.open());
      }
    },
  },
  'throws in its tail when the engine goes': {
    breaks:
      'engine away: tails wait, go on by themselves, and yield what was appended, or a gap',
    Node: class extends EngineNode {
      #fail: ((error: Error) => void) | undefined;
      readonly #gone = new Promise<never>((_, reject) => {
        this.#fail = reject;
      });
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        const tail = super.tail(after);
        while (true) {
          const next = await Promise.race([tail.next(), this.#gone]);
          if (next.done) {
            return;
          }
          yield next.value;
        }
      }
      override disconnect(): void {
        this.#gone.catch(() => undefined);
        this.#fail!(new Error('connection lost'));
        super.disconnect();
      }
    },
  },
  'goes on at the head when the engine is back': {
    breaks:
      'engine away: tails wait, go on by themselves, and yield what was appended, or a gap',
    Node: class extends EngineNode {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        if (!this.engine.isUp) {
          await this.engine.isThere();
          yield* super.tail((await this.bounds()).head);
        }
        yield* super.tail(after);
      }
    },
  },
  'acknowledges what the engine has not taken': {
    breaks:
      'engine away: of what is appended while it goes, acknowledged batches are there, others whole or not at all, and equally for all',
    Node: class extends EngineNode {
      #last: LogEntry | undefined;
      override async append(records: readonly LogRecord[]) {
        try {
          const entries = await super.append(records);
          this.#last = entries.at(-1);
          return entries;
        } catch {
          return records.map((record) => ({
            ...record,
            cursor: `${this.#last!.cursor.slice(0, -3)}zzz`,
          }));
        }
      }
    },
  },
  'stores half a batch when the engine goes': {
    breaks:
      'engine away: of what is appended while it goes, acknowledged batches are there, others whole or not at all, and equally for all',
    Node: class extends EngineNode {
      override async append(records: readonly LogRecord[]) {
        const half = Math.ceil(records.length / 2);
        const first = await super.append(records.slice(0, half));
        return half === records.length
          ? first
          : [...first, ...(await super.append(records.slice(half)))];
      }
    },
  },
  'sends what it has rejected when the engine is back': {
    breaks:
      'engine away: what was rejected while health said down does not come later from a queue',
    Node: class extends EngineNode {
      override async append(records: readonly LogRecord[]) {
        if (!this.engine.isUp) {
          void this.engine.isThere().then(() => super.append(records));
          throw new LogUnavailableException('The engine is not there.');
        }
        return super.append(records);
      }
    },
  },
};
