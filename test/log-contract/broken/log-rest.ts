import { MemoryLog } from 'nestjs-sse-hub';
import type { LogRecord, TailBatch } from 'nestjs-sse-hub';
import { positionOf, tailing, taking } from './broken-log.js';
import type { BrokenLogs } from './broken-log.js';

export const REST: BrokenLogs = {
  'composes Unicode': {
    breaks:
      'carries as it is: data in any script, with line ends, NUL, U+2028 and astral characters',
    Log: taking((record) => ({ ...record, data: record.data.normalize() })),
  },
  'drops an audience of nobody': {
    breaks:
      'carries as it is: audiences: users, roles, both, empty lists and none',
    Log: taking(({ audience, ...record }) =>
      audience?.users?.length || audience?.roles?.length
        ? { ...record, audience }
        : record,
    ),
  },
  'keeps the time in seconds': {
    breaks: 'carries as it is: the time, to the millisecond',
    Log: taking((record) => ({
      ...record,
      time: Math.floor(record.time / 1000) * 1000,
    })),
  },
  "leaves the hub's own entries out of its tail": {
    breaks: "carries as it is: the hub's own entries, in their place",
    Log: tailing((records) => records.filter(({ topic }) => topic !== '*hub')),
  },
  'takes positions of another history for its own': {
    breaks:
      'epoch: a tail from a position of another history yields a gap, then all that is retained',
    Log: class extends MemoryLog {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        const { epoch } = await this.bounds();
        yield* super.tail(`${epoch}-${positionOf(after)}`);
      }
    },
  },
  'answers after close': {
    breaks:
      'close: every method rejects afterwards with LogUnavailableException, health answers',
    Log: class extends MemoryLog {
      readonly #other = new MemoryLog();
      override bounds() {
        return this.#other.bounds();
      }
    },
  },
  'leaves its tails open': {
    breaks: 'close: every tail ends, whether it waits, lags or was never read',
    Log: class extends MemoryLog {
      override async *tail(after: string): AsyncGenerator<TailBatch> {
        yield* super.tail(after);
        await new Promise(() => undefined);
      }
    },
  },
  'forgets what waits when it is closed': {
    breaks: 'close: what waits is acknowledged or rejected, nothing hangs',
    Log: class extends MemoryLog {
      override append(records: readonly LogRecord[]) {
        return super
          .append(records)
          .catch(() => new Promise<never>(() => undefined));
      }
    },
  },
  'claims to be shared': {
    breaks: 'the suite knows what the log can: nothing but one process',
    Log: class extends MemoryLog {
      override readonly capabilities = { durable: false, shared: true };
    },
  },
};
