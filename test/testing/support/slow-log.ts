import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryLog } from 'nestjs-sse-hub';
import type { LogEntry, LogRecord, TailBatch } from 'nestjs-sse-hub';

/** In turns of the event loop, each of them more than anything in memory takes. */
const WAY = { there: 30, ofSignals: 30, ofEntries: 90 } as const;

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await nextTurn();
  }
}

/**
 * A log with a long way to its engine and back. What an application publishes takes a while to get
 * there; entries and signals come back on ways of their own, signals sooner.
 */
export class SlowLog extends MemoryLog {
  override async append(
    records: readonly LogRecord[],
  ): Promise<readonly LogEntry[]> {
    if (records[0]!.topic !== '*hub') {
      await turns(WAY.there);
    }
    return super.append(records);
  }

  override async *tail(after: string): AsyncIterable<TailBatch> {
    const ready: TailBatch[] = [];
    let ended = false;
    let wake = () => {};
    const hand = async (batch: TailBatch, way: number) => {
      await turns(way);
      ready.push(batch);
      wake();
    };
    const read = async (tail: AsyncIterable<TailBatch>) => {
      for await (const batch of tail) {
        if ('gap' in batch) {
          throw new Error('There is no gap in a memory log.');
        }
        const { records, floor } = batch;
        const isEntry = (record: LogRecord) => 'cursor' in record;
        const signals = records.filter((record) => !isEntry(record));
        void hand({ records: signals }, WAY.ofSignals);
        void hand({ records: records.filter(isEntry), floor }, WAY.ofEntries);
      }
      ended = true;
      wake();
    };
    void read(super.tail(after));
    while (!ended || ready.length > 0) {
      const batch = ready.shift();
      if (batch === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
      } else {
        yield batch;
      }
    }
  }
}
