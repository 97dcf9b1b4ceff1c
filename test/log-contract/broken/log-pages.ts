import { MemoryLog } from 'nestjs-sse-hub';
import type { LogPageLimit } from 'nestjs-sse-hub';
import { ALL, ONE } from './broken-log.js';
import type { BrokenLogs } from './broken-log.js';

export const PAGES: BrokenLogs = {
  'reads pages without a limit': {
    breaks: 'read: no more events than the page may hold',
    Log: class extends MemoryLog {
      override read(after: string) {
        return super.read(after, ALL);
      }
    },
  },
  'reads an empty page when the next entry is larger than it': {
    breaks:
      'read: no more bytes than the page may hold, but at least one entry',
    Log: class extends MemoryLog {
      override async read(after: string, limit: LogPageLimit) {
        const { entries, floor } = await super.read(after, limit);
        return {
          entries: entries.filter(
            ({ data }) => Buffer.byteLength(data) <= limit.bytes,
          ),
          floor,
        };
      }
    },
  },
  'reads the entry at the cursor, too': {
    breaks: 'read: entries after a cursor, the oldest first, with the floor',
    Log: class extends MemoryLog {
      override async read(after: string, limit: LogPageLimit) {
        const { entries, floor } = await super.read(after, limit);
        const { entries: at } = await super.readBack(after, ONE);
        return { entries: [...at, ...entries], floor };
      }
    },
  },
  'reads back the newest first': {
    breaks:
      'readBack: the newest entries at or before a cursor, the oldest first, with the floor',
    Log: class extends MemoryLog {
      override async readBack(through: string, limit: LogPageLimit) {
        const { entries, floor } = await super.readBack(through, limit);
        return { entries: entries.toReversed(), floor };
      }
    },
  },
  'reads back the oldest entries of all': {
    breaks:
      'readBack: the newest entries at or before a cursor, the oldest first, with the floor',
    Log: class extends MemoryLog {
      override async readBack(_: string, limit: LogPageLimit) {
        return super.read((await this.bounds()).floor, limit);
      }
    },
  },
};
