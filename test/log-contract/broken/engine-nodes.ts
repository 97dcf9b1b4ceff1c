import type { LogRecord, TailBatch } from 'nestjs-sse-hub';
import { EngineNode } from '../memory-engine.js';
import type { BrokenEngines } from './broken-engine.js';

export const NODES: BrokenEngines = {
  'knows idempotency keys on the node that got them': {
    breaks: 'idempotency: a key holds on another node',
    Node: class extends EngineNode {
      readonly #name = Math.random();
      override append(records: readonly LogRecord[]) {
        return super.append(
          records.map(({ idempotencyKey, ...record }) => ({
            ...record,
            idempotencyKey: idempotencyKey && `${this.#name} ${idempotencyKey}`,
          })),
        );
      }
    },
  },
  'forgets idempotency keys at a restart': {
    breaks: 'idempotency: a key holds over a restart',
    Node: class extends EngineNode {
      readonly #name = this.engine.nodes.length;
      override append(records: readonly LogRecord[]) {
        return super.append(
          records.map(({ idempotencyKey, ...record }) => ({
            ...record,
            idempotencyKey: idempotencyKey && `${this.#name} ${idempotencyKey}`,
          })),
        );
      }
    },
  },
  'sends signals to its own node only': {
    breaks:
      'signal: reaches every tail that listens, on every node, with what the record says',
    Node: class extends EngineNode {
      readonly #name = `${this.engine.nodes.length}`;
      override signal(records: readonly LogRecord[]) {
        return super.signal(
          records.map((record) => ({ ...record, type: this.#name })),
        );
      }
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        for await (const batch of super.tail(after)) {
          yield 'gap' in batch
            ? batch
            : {
                records: batch.records.filter(
                  (r) => 'cursor' in r || r.type === this.#name,
                ),
              };
        }
      }
    },
  },
  'yields batches backwards on another node': {
    breaks:
      'order: concurrent appends of two nodes have one order for all readers of both',
    Node: class extends EngineNode {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        const isFirst = this.engine.nodes[0] === this;
        for await (const batch of super.tail(after)) {
          yield 'gap' in batch || isFirst
            ? batch
            : { records: batch.records.toReversed() };
        }
      }
    },
  },
  'acknowledges before it stores': {
    breaks: 'close: what was acknowledged before is there after a restart',
    Node: class extends EngineNode {
      override async append(records: readonly LogRecord[]) {
        const { head } = await this.bounds();
        void super.append(records).catch(() => undefined);
        return records.map((record) => ({ ...record, cursor: `${head}0` }));
      }
    },
  },
  'closes the engine with the node': {
    breaks: 'close: of one node leaves the others as they are',
    Node: class extends EngineNode {
      override async close(): Promise<void> {
        await super.close();
        await this.engine.stop();
      }
    },
  },
};
