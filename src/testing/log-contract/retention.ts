import assert from 'node:assert/strict';
import type { Cursor } from '../../log/cursor.js';
import type { LogBounds, LogEntry } from '../../log/event-log.js';
import { assertSame, assertTold, readAll, retained } from './history.js';
import { recordOf } from './record.js';
import type { ContractCase, Trial } from './trial.js';

const PAGE = { events: 9, bytes: 9_999 };

/** In milliseconds. */
const MAX_AGE = 300;

export const retentionCases: readonly ContractCase[] = [
  {
    name: 'retention: as many events as it may keep, the newest',
    retention: { maxEvents: 5 },
    async run(trial) {
      const entries = await trial.appendEach(12);

      await keeps(trial, entries, 5);
    },
  },
  {
    name: 'retention: as many bytes of data as it may keep, the newest',
    retention: { maxBytes: 1000 },
    async run(trial) {
      const entries: LogEntry[] = [];
      for (const bytes of [400, 300, 100, 500, 200, 300]) {
        entries.push(await appendBytes(trial, bytes));
      }

      await keeps(trial, entries, 3);
    },
  },
  {
    name: 'retention: counts bytes, not characters',
    retention: { maxBytes: 1000 },
    async run(trial) {
      // 300 characters in 900 bytes, each.
      const data = '€'.repeat(300);
      const entries = [
        await trial.append('', { data }),
        await trial.append('', { data }),
      ];

      await keeps(trial, entries, 1);
    },
  },
  {
    name: 'retention: the newest event stays, however large',
    retention: { maxBytes: 1000 },
    async run(trial) {
      const small = await appendBytes(trial, 10);
      const large = await appendBytes(trial, 5000);
      await keeps(trial, [small, large], 1);
      const next = await appendBytes(trial, 10);

      await keeps(trial, [small, large, next], 1);
    },
  },
  {
    name: 'retention: whichever bound is reached first counts',
    retention: { maxEvents: 4, maxBytes: 1000 },
    async run(trial) {
      const entries = [
        await appendBytes(trial, 600),
        await appendBytes(trial, 600),
      ];
      await keeps(trial, entries, 1);
      for (let i = 0; i < 5; i++) {
        entries.push(await appendBytes(trial, 10));
      }

      await keeps(trial, entries, 4);
    },
  },
  {
    name: 'retention: a batch larger than the log is acknowledged whole, its newest are kept',
    retention: { maxEvents: 5 },
    async run(trial) {
      const records = Array.from({ length: 12 }, (_, i) => recordOf(`${i}`));
      const entries = await trial.log.append(records);
      assert.equal(entries.length, 12, 'an entry for each record');

      await keeps(trial, entries, 5);
    },
  },
  {
    name: 'retention: an event goes when it is as old as it may be, and not before',
    retention: { maxAge: MAX_AGE },
    async run(trial) {
      const first = await trial.append('first');
      await goes(trial, first);
      const age = Date.now() - first.time;
      assert.ok(age >= MAX_AGE, `gone at the age of ${age} ms`);
    },
  },
  {
    name: 'retention: when all has gone, the floor is the head, who is there has lost nothing, and no position is used again',
    retention: { maxAge: MAX_AGE },
    async run(trial) {
      let last = trial.empty;
      for (let round = 0; round < 3; round++) {
        const entry = await trial.append(`round ${round}`);
        assert.ok(entry.cursor > last.head, 'a position that no entry had');
        await goes(trial, entry);
        last = await trial.log.bounds();
        assert.deepEqual(
          last,
          {
            epoch: trial.empty.epoch,
            floor: entry.cursor,
            head: entry.cursor,
          },
          'the bounds of an empty log',
        );
      }
      await trial.eventually('a tail gets what is young', async () => {
        const tail = trial.tail(trial.log, last.floor);
        const next = await trial.append('next');
        await tail.reaches(next.cursor);
        if (Date.now() - next.time >= MAX_AGE) {
          // A machine that is busy may have let it go before the tail could have it.
          await tail.stop();
          await goes(trial, next);
          last = await trial.log.bounds();
          return false;
        }
        assert.deepEqual(tail.gaps, [], 'no gap after the floor');
        assertTold(tail, [next]);
        return true;
      });
    },
  },
  {
    name: 'retention: the floor is the highest position that is gone and never moves down',
    retention: { maxEvents: 8, maxBytes: 2000 },
    async run(trial) {
      const nodes = await trial.nodes();
      const history: LogEntry[] = [];
      let before: LogBounds = trial.empty;
      for (let step = 0; step < 40; step++) {
        const records = Array.from({ length: 1 + trial.below(4) }, () =>
          recordOf('', { data: 'x'.repeat(trial.below(600)) }),
        );
        const log = nodes[trial.below(nodes.length)]!;
        history.push(...(await log.append(records)));
        const bounds = await nodes[trial.below(nodes.length)]!.bounds();
        assert.ok(
          bounds.floor >= before.floor,
          `the floor was ${before.floor}, then ${bounds.floor}`,
        );
        assert.equal(bounds.head, history.at(-1)!.cursor, 'the head');
        before = bounds;
      }

      const floor = before.floor;
      assertSame(
        await readAll(trial.log, floor),
        history.filter(({ cursor }) => cursor > floor),
        'who has seen the floor has lost nothing',
      );
      assert.ok(
        history.some(({ cursor }) => cursor === floor),
        'the floor is the position of an entry',
      );
      const { entries } = await trial.log.readBack(floor, PAGE);
      assertSame(entries, [], 'what is at the floor and below it is gone');
    },
  },
];

/** The newest entries stay, and no other: as the log tells it, and as it is read. */
async function keeps(
  trial: Trial,
  history: readonly LogEntry[],
  count: number,
): Promise<void> {
  const kept = history.slice(-count);
  const floor = floorBelow(trial, history, count);
  await trial.eventually(
    'what is beyond the bound goes',
    async () => (await trial.log.bounds()).floor >= floor,
  );
  const { floor: found, head } = await trial.log.bounds();
  assert.equal(found, floor, 'the floor is the highest position that is gone');
  assert.equal(head, kept.at(-1)!.cursor, 'the head is the newest event');
  assertSame(await retained(trial.log), kept, 'what is kept');
}

function floorBelow(
  trial: Trial,
  history: readonly LogEntry[],
  count: number,
): Cursor {
  return history.at(-count - 1)?.cursor ?? trial.empty.floor;
}

function appendBytes(trial: Trial, bytes: number): Promise<LogEntry> {
  return trial.append('', { data: 'x'.repeat(bytes) });
}

function goes(trial: Trial, entry: LogEntry): Promise<void> {
  return trial.eventually(
    'an event goes that is too old',
    async () => (await trial.log.bounds()).floor >= entry.cursor,
  );
}
