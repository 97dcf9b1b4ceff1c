import { MemoryLog } from 'nestjs-sse-hub';
import type {
  LogBounds,
  LogEntry,
  LogPage,
  LogPageLimit,
  LogRecord,
  MemoryLogOptions,
  RetentionOptions,
  TailBatch,
} from 'nestjs-sse-hub';
import { epochOf } from '../../../src/log/cursor.js';

/** A log that breaks one promise, and the case that has to say so. */
export interface BrokenLog {
  readonly breaks: string;
  readonly Log: new (retention: RetentionOptions) => MemoryLog;
}

export type BrokenLogs = Readonly<Record<string, BrokenLog>>;

type Records = readonly (LogEntry | LogRecord)[];

export const isEntry = (record: LogEntry | LogRecord): record is LogEntry =>
  'cursor' in record;

/** A log whose tail changes the records of each batch. */
export function tailing(
  change: (records: Records) => Records,
): BrokenLog['Log'] {
  return class extends MemoryLog {
    override async *tail(after: string): AsyncGenerator<TailBatch> {
      for await (const batch of super.tail(after)) {
        yield 'gap' in batch
          ? batch
          : { ...batch, records: change(batch.records) };
      }
    }
  };
}

/** A log that changes each record before it takes it. */
export function taking(
  change: (record: LogRecord) => LogRecord,
): BrokenLog['Log'] {
  return class extends MemoryLog {
    override append(records: readonly LogRecord[]) {
      return super.append(records.map(change));
    }
  };
}

/** A log that writes its cursors in another way. */
export function writing(
  out: (cursor: string) => string,
  back: (cursor: string) => string,
): BrokenLog['Log'] {
  const entry = (from: LogEntry): LogEntry => ({
    ...from,
    cursor: out(from.cursor),
  });
  const page = ({ entries, floor }: LogPage): LogPage => ({
    entries: entries.map(entry),
    floor: out(floor),
  });
  return class extends MemoryLog {
    override async bounds(): Promise<LogBounds> {
      const { floor, head } = await super.bounds();
      return { epoch: epochOf(out(floor)), floor: out(floor), head: out(head) };
    }
    override async append(records: readonly LogRecord[]) {
      return (await super.append(records)).map(entry);
    }
    override async read(after: string, limit: LogPageLimit) {
      return page(await super.read(back(after), limit));
    }
    override async readBack(through: string, limit: LogPageLimit) {
      return page(await super.readBack(back(through), limit));
    }
    override async *tail(after: string): AsyncGenerator<TailBatch> {
      for await (const batch of super.tail(back(after))) {
        yield 'gap' in batch
          ? batch
          : { records: batch.records.map((r) => (isEntry(r) ? entry(r) : r)) };
      }
    }
  };
}

/** A log with other retention than it was told. */
export function keeping(
  change: (retention: RetentionOptions) => MemoryLogOptions,
): BrokenLog['Log'] {
  return class extends MemoryLog {
    constructor(retention: RetentionOptions) {
      super(change(retention));
    }
  };
}

export const positionOf = (cursor: string) =>
  cursor.slice(cursor.indexOf('-') + 1);

export const ONE: LogPageLimit = { events: 1, bytes: 1 };
export const ALL: LogPageLimit = { events: Infinity, bytes: Infinity };
