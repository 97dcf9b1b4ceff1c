import { MemoryLog } from 'nestjs-sse-hub';
import type { LogRecord, TailBatch } from 'nestjs-sse-hub';
import { isEntry, tailing } from './broken-log.js';
import type { BrokenLogs } from './broken-log.js';

let count = 0;

export const TAILS: BrokenLogs = {
  'doubles entries in its tail': {
    breaks: 'tail: from the floor every retained entry, then what comes',
    Log: tailing((records) => records.flatMap((record) => [record, record])),
  },
  'drops an entry in seven from its tail': {
    breaks:
      'tail: from the middle what comes after it, from the head only what comes',
    Log: tailing((records) => records.filter(() => ++count % 7 > 0)),
  },
  'loses what comes while the reader of its tail is busy': {
    breaks: 'tail: one that is read slowly loses nothing',
    Log: class extends MemoryLog {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        let at = after;
        while (true) {
          const tail = super.tail(at)[Symbol.asyncIterator]();
          const { value, done } = await tail.next();
          await tail.return?.();
          if (done) {
            return;
          }
          yield value;
          at = (await this.bounds()).head;
        }
      }
    },
  },
  'begins its tails at the head': {
    breaks:
      'tail: every entry once and in order, wherever it begins while appends run at full speed',
    Log: class extends MemoryLog {
      override async *tail(): AsyncGenerator<TailBatch> {
        yield* super.tail((await this.bounds()).head);
      }
    },
  },
  'tells no gap': {
    breaks:
      'tail: a gap first where entries after its position are gone, then what is left and what comes',
    Log: class extends MemoryLog {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        for await (const batch of super.tail(after)) {
          if (!('gap' in batch)) {
            yield batch;
          }
        }
      }
    },
  },
  'tells a gap at the floor': {
    breaks: 'tail: no gap at the floor, which has lost nothing',
    Log: class extends MemoryLog {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        const { epoch, floor } = await this.bounds();
        if (after <= floor) {
          yield { gap: { epoch, floor, position: floor } };
        }
        yield* super.tail(after);
      }
    },
  },
  'ends all tails when one is left': {
    breaks:
      'tail: one that is left yields nothing any more, and the others go on',
    Log: class extends MemoryLog {
      #left = false;
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        try {
          for await (const batch of super.tail(after)) {
            if (this.#left) {
              return;
            }
            yield batch;
          }
        } finally {
          this.#left = true;
        }
      }
    },
  },
  'retains signals': {
    breaks:
      'signal: is not retained: no page, no bounds and no later tail has it',
    Log: class extends MemoryLog {
      override async signal(records: readonly LogRecord[]) {
        await super.signal(records);
        await super.append(records);
      }
    },
  },
  'gives signals a cursor': {
    breaks:
      'signal: reaches every tail that listens, on every node, with what the record says',
    Log: class extends MemoryLog {
      override async signal(records: readonly LogRecord[]) {
        await super.append(records);
      }
    },
  },
  'sends signals twice': {
    breaks: 'signal: comes at most once and without a cursor',
    Log: class extends MemoryLog {
      override async signal(records: readonly LogRecord[]) {
        await super.signal(records);
        await super.signal(records);
      }
    },
  },
  'sends signals to one tail only': {
    breaks:
      'signal: reaches every tail that listens, on every node, with what the record says',
    Log: class extends MemoryLog {
      #tails = 0;
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        const isFirst = this.#tails++ === 0;
        for await (const batch of super.tail(after)) {
          yield 'gap' in batch || isFirst
            ? batch
            : { ...batch, records: batch.records.filter(isEntry) };
        }
      }
    },
  },
};
