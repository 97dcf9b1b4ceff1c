import { MemoryLog } from 'nestjs-sse-hub';
import type {
  LogBounds,
  LogEntry,
  LogPageLimit,
  LogRecord,
} from 'nestjs-sse-hub';
import { epochOf } from '../../../src/log/cursor.js';
import { positionOf, tailing, writing } from './broken-log.js';
import type { BrokenLogs } from './broken-log.js';

export const ORDER: BrokenLogs = {
  'reorders the entries of a commit in its tail': {
    breaks:
      'order: concurrent appends have one order for append, read and tail',
    Log: tailing((records) => records.toReversed()),
  },
  'numbers positions without padding': {
    breaks: 'cursors: byte order is log order',
    Log: writing(
      (cursor) => `${epochOf(cursor)}-${parseInt(positionOf(cursor), 36)}`,
      (cursor) =>
        `${epochOf(cursor)}-${Number(positionOf(cursor)).toString(36).padStart(11, '0')}`,
    ),
  },
  'has capitals in its cursors': {
    breaks:
      'cursors: "<epoch>-<position>" of [0-9a-z-], at most 64 bytes, of one length within an epoch',
    Log: writing(
      (cursor) => `${epochOf(cursor)}-${positionOf(cursor).toUpperCase()}`,
      (cursor) => cursor.toLowerCase(),
    ),
  },
  'makes cursors of 80 bytes': {
    breaks:
      'cursors: "<epoch>-<position>" of [0-9a-z-], at most 64 bytes, of one length within an epoch',
    Log: writing(
      (cursor) => cursor.replace('-', `-${'0'.repeat(55)}`),
      (cursor) => cursor.replace(`-${'0'.repeat(55)}`, '-'),
    ),
  },
  'lets others append between the records of a batch': {
    breaks:
      'append: the records of a batch lie next to each other in their order, whoever appends meanwhile',
    Log: class extends MemoryLog {
      override async append(records: readonly LogRecord[]) {
        const entries: LogEntry[] = [];
        for (const record of records) {
          entries.push(...(await super.append([record])));
        }
        return entries;
      }
    },
  },
  'resolves an append before others can read it': {
    breaks:
      'append: resolves when the engine has the entries: they are read at once, on every node',
    Log: class extends MemoryLog {
      #last: LogBounds | undefined;
      override async bounds() {
        const now = await super.bounds();
        const { head } = this.#last ?? now;
        this.#last = now;
        return { ...now, head };
      }
    },
  },
  'shows entries before an earlier one, as identity values of a database do': {
    breaks:
      'order: no entry becomes visible before an earlier one: who reads on while others append misses nothing',
    Log: class extends MemoryLog {
      readonly #late = new Set<string>();
      override async read(after: string, limit: LogPageLimit) {
        const { entries, floor } = await super.read(after, limit);
        const there = entries.filter(({ cursor }) => {
          const isLate = cursor.endsWith('3') && !this.#late.has(cursor);
          this.#late.add(cursor);
          return !isLate;
        });
        return { entries: there, floor };
      }
    },
  },
};
