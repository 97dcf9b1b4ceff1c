import type { EventLog, LogEntry, LogRecord, TailBatch } from 'nestjs-sse-hub';

const isEntry = (record: LogEntry | LogRecord): record is LogEntry =>
  'cursor' in record && record.cursor !== undefined;

/** Has a node's entries come late when a test says so, while signals come at once: they have ways of their own. */
export function withLateEntries(log: EventLog) {
  let isHeld = false;
  let wake: () => void = () => undefined;

  async function* tail(after: string): AsyncGenerator<TailBatch> {
    const signals: LogRecord[] = [];
    const batches: TailBatch[] = [];
    let ended = false;
    const pump = async (): Promise<void> => {
      for await (const batch of log.tail(after)) {
        if ('gap' in batch) {
          batches.push(batch);
        } else {
          signals.push(...batch.records.filter((record) => !isEntry(record)));
          batches.push({ ...batch, records: batch.records.filter(isEntry) });
        }
        wake();
      }
      ended = true;
      wake();
    };
    void pump();
    while (!ended) {
      if (signals.length > 0) {
        yield { records: signals.splice(0) };
      } else if (!isHeld && batches.length > 0) {
        yield batches.shift()!;
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  }

  return {
    log: new Proxy(log, {
      get: (target, name) => {
        if (name === 'tail') {
          return tail;
        }
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function'
          ? (value.bind(target) as unknown)
          : value;
      },
    }),
    hold: (): void => {
      isHeld = true;
    },
    release: (): void => {
      isHeld = false;
      wake();
    },
  };
}
