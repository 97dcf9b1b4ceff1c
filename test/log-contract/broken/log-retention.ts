import { MemoryLog } from 'nestjs-sse-hub';
import type { LogRecord, RetentionOptions } from 'nestjs-sse-hub';
import { ONE, keeping, positionOf } from './broken-log.js';
import type { BrokenLogs } from './broken-log.js';

let count = 0;

export const RETENTION: BrokenLogs = {
  'keeps more events than it may': {
    breaks: 'retention: as many events as it may keep, the newest',
    Log: keeping(({ maxEvents }) => ({
      maxEvents: maxEvents && maxEvents + 1,
    })),
  },
  'keeps fewer events than it may': {
    breaks: 'retention: as many events as it may keep, the newest',
    Log: keeping(({ maxEvents }) => ({
      maxEvents: maxEvents && maxEvents - 1,
    })),
  },
  'counts characters where it says bytes': {
    breaks: 'retention: counts bytes, not characters',
    Log: keeping(({ maxBytes }) => ({ maxBytes: maxBytes && maxBytes * 3 })),
  },
  'lets events go too early': {
    breaks:
      'retention: an event goes when it is as old as it may be, and not before',
    Log: keeping(({ maxAge }) => ({ maxAge: maxAge && maxAge / 2 })),
  },
  'never lets an old event go': {
    breaks:
      'retention: an event goes when it is as old as it may be, and not before',
    Log: keeping(() => ({})),
  },
  'uses positions again when it was empty': {
    breaks:
      'retention: when all has gone, the floor is the head, who is there has lost nothing, and no position is used again',
    Log: class extends MemoryLog {
      #history = new MemoryLog();
      readonly #retention: RetentionOptions;
      constructor(retention: RetentionOptions) {
        super();
        this.#retention = retention;
        this.#history = new MemoryLog(retention);
      }
      override async bounds() {
        const { epoch } = await super.bounds();
        const { floor, head } = await this.#history.bounds();
        if (floor === head && !/-0+$/.test(floor)) {
          this.#history = new MemoryLog(this.#retention);
        }
        const of = (cursor: string) => `${epoch}-${positionOf(cursor)}`;
        return { epoch, floor: of(floor), head: of(head) };
      }
      override async append(records: readonly LogRecord[]) {
        const { epoch } = await super.bounds();
        return (await this.#history.append(records)).map((entry) => ({
          ...entry,
          cursor: `${epoch}-${positionOf(entry.cursor)}`,
        }));
      }
    },
  },
  'tells a floor that moves down': {
    breaks:
      'retention: the floor is the highest position that is gone and never moves down',
    Log: class extends MemoryLog {
      #first: string | undefined;
      override async bounds() {
        const bounds = await super.bounds();
        this.#first ??= bounds.floor;
        return ++count % 5 > 0 ? bounds : { ...bounds, floor: this.#first };
      }
    },
  },
  'tells the oldest entry for the floor': {
    breaks:
      'retention: the floor is the highest position that is gone and never moves down',
    Log: class extends MemoryLog {
      override async bounds() {
        const bounds = await super.bounds();
        const { entries } = await super.read(bounds.floor, ONE);
        return { ...bounds, floor: entries[0]?.cursor ?? bounds.floor };
      }
    },
  },
};
