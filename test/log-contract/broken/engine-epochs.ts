import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogBounds, LogRecord, TailBatch } from 'nestjs-sse-hub';
import { epochOf } from '../../../src/log/cursor.js';
import { EngineNode } from '../memory-engine.js';
import type { BrokenEngines } from './broken-engine.js';

export const EPOCHS: BrokenEngines = {
  'begins a new epoch at a restart': {
    breaks:
      'restart: the same epoch, bounds and entries, and positions that go on',
    Node: class extends EngineNode {
      override async open(): Promise<LogBounds> {
        if (this.engine.nodes.length > 1) {
          await this.engine.loseHistory();
        }
        return super.open();
      }
    },
  },
  'forgets at a restart where the floor was': {
    breaks: 'restart: no position is used twice, also when all had gone',
    Node: class extends EngineNode {
      override async open(): Promise<LogBounds> {
        const { epoch, floor, head } = await super.open();
        const start = `${epoch}-${'0'.repeat(11)}`;
        return { epoch, floor: start, head: head === floor ? start : head };
      }
    },
  },
  'tells a gap to who comes over a restart': {
    breaks:
      'restart: a tail from a position of before yields what came after it, without a gap',
    Node: class extends EngineNode {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        if (this.engine.nodes.length > 1) {
          const { epoch, floor } = await this.bounds();
          yield { gap: { epoch, floor, position: floor } };
        }
        yield* super.tail(after);
      }
    },
  },
  'keeps its epoch when history is lost': {
    breaks:
      'lost history: the next append is in another epoch, on every node, without any other call between',
    Node: class extends EngineNode {
      #epoch: string | undefined;
      override async open(): Promise<LogBounds> {
        const bounds = await super.open();
        this.#epoch = bounds.epoch;
        return bounds;
      }
      override async append(records: readonly LogRecord[]) {
        return (await super.append(records)).map((entry) => ({
          ...entry,
          cursor: entry.cursor.replace(epochOf(entry.cursor), this.#epoch!),
        }));
      }
    },
  },
  'asks for the epoch only when it connects': {
    breaks:
      'lost history: bounds tell another epoch, also when nothing was appended',
    Node: class extends EngineNode {
      #epoch: string | undefined;
      override async bounds(): Promise<LogBounds> {
        const bounds = await super.bounds();
        this.#epoch ??= bounds.epoch;
        return { ...bounds, epoch: this.#epoch };
      }
      override open(): Promise<LogBounds> {
        return this.bounds();
      }
    },
  },
  'goes on in another history without a gap': {
    breaks:
      'lost history: every tail on every node yields a gap, then all of the new history',
    Node: class extends EngineNode {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        for await (const batch of super.tail(after)) {
          if (!('gap' in batch)) {
            yield batch;
          }
        }
      }
    },
  },
  'notices a lost history when the next entry comes': {
    breaks: 'lost history: a tail tells it also while nobody appends',
    Node: class extends EngineNode {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        let gap: TailBatch | undefined;
        for await (const batch of super.tail(after)) {
          if ('gap' in batch) {
            gap = batch;
          } else if (batch.records.length > 0) {
            if (gap) {
              yield gap;
              gap = undefined;
            }
            yield batch;
          }
        }
      }
    },
  },
  'gives what it has appended the epoch of a moment later': {
    breaks:
      'lost history: what is acknowledged while it happens is in the history that its cursor names',
    Node: class extends EngineNode {
      override async append(records: readonly LogRecord[]) {
        const entries = await super.append(records);
        await nextTurn();
        const { epoch } = await this.bounds();
        return entries.map((entry) => ({
          ...entry,
          cursor: entry.cursor.replace(epochOf(entry.cursor), epoch),
        }));
      }
    },
  },
};
