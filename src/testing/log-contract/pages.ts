import assert from 'node:assert/strict';
import type { Cursor } from '../../log/cursor.js';
import type { LogEntry, LogPage, LogPageLimit } from '../../log/event-log.js';
import { appendAtFullSpeed } from './full-speed.js';
import { assertSame, inOrder, readAll } from './history.js';
import type { ContractCase, Trial } from './trial.js';

const LARGE: LogPageLimit = { events: 100, bytes: 1_000_000 };

export const pageCases: readonly ContractCase[] = [
  {
    name: 'read: entries after a cursor, the oldest first, with the floor',
    async run(trial) {
      const { floor } = trial.empty;
      const entries = await trial.appendEach(6);
      for (const log of await trial.nodes()) {
        for (let i = 0; i < entries.length; i++) {
          const page = await log.read(entries[i]!.cursor, LARGE);
          assertOldest(page, entries.slice(i + 1), floor);
        }
        assertOldest(await log.read(floor, LARGE), entries, floor);
      }
    },
  },
  {
    name: 'read: a page after a position that is gone begins with what is retained and tells the floor',
    retention: { maxEvents: 4 },
    async run(trial) {
      const entries = await trial.appendEach(10);
      const { floor } = await trialIsTrimmed(trial, entries[5]!);

      for (const after of [trial.empty.floor, entries[2]!.cursor, floor]) {
        const page = await trial.log.read(after, LARGE);
        assertOldest(page, entries.slice(6), floor);
      }
    },
  },
  {
    name: 'read: no more events than the page may hold',
    async run(trial) {
      const entries = await trial.appendEach(5);
      for (const events of [1, 2, 3, 9]) {
        const page = await trial.log.read(entries[0]!.cursor, {
          ...LARGE,
          events,
        });
        assertOldest(page, entries.slice(1, 1 + events), trial.empty.floor);
      }
    },
  },
  {
    name: 'read: no more bytes than the page may hold, but at least one entry',
    run: (trial) =>
      holdsBytes(trial, (entries, limit) =>
        trial.log.read(entries[0]!.cursor, limit),
      ),
  },
  {
    name: 'read: pages of any size, one after the other, hold every entry once',
    async run(trial) {
      const nodes = await trial.nodes();
      const batches = await appendAtFullSpeed(trial, nodes);
      const history = inOrder(batches.flat(2));
      for (const log of nodes) {
        const read = await readAll(log, trial.empty.floor, () => ({
          events: 1 + trial.below(20),
          bytes: 1 + trial.below(500),
        }));
        assertSame(read, history, 'page after page');
      }
    },
  },
  {
    name: 'readBack: the newest entries at or before a cursor, the oldest first, with the floor',
    async run(trial) {
      const { floor } = trial.empty;
      const entries = await trial.appendEach(6);
      for (const log of await trial.nodes()) {
        for (let i = 0; i < entries.length; i++) {
          const through = entries[i]!.cursor;
          const page = await log.readBack(through, LARGE);
          assertNewest(page, entries.slice(0, i + 1), floor);
          const two = await log.readBack(through, { ...LARGE, events: 2 });
          assertNewest(two, entries.slice(Math.max(0, i - 1), i + 1), floor);
        }
        assertNewest(await log.readBack(floor, LARGE), [], floor);
      }
    },
  },
  {
    name: 'readBack: nothing at or below the floor, and no more than is retained',
    retention: { maxEvents: 4 },
    async run(trial) {
      const entries = await trial.appendEach(10);
      const { floor, head } = await trialIsTrimmed(trial, entries[5]!);

      assertNewest(
        await trial.log.readBack(entries[3]!.cursor, LARGE),
        [],
        floor,
      );
      assertNewest(await trial.log.readBack(floor, LARGE), [], floor);
      assertNewest(
        await trial.log.readBack(head, LARGE),
        entries.slice(6),
        floor,
      );
    },
  },
  {
    name: 'readBack: no more bytes than the page may hold, but at least one entry',
    run: (trial) =>
      holdsBytes(trial, (entries, limit) =>
        trial.log.readBack(entries.at(-1)!.cursor, limit),
      ),
  },
];

/** Entries of 20 characters in 60 bytes. */
async function holdsBytes(
  trial: Trial,
  page: (entries: LogEntry[], limit: LogPageLimit) => Promise<LogPage>,
): Promise<void> {
  const entries: LogEntry[] = [];
  for (let i = 0; i < 6; i++) {
    entries.push(await trial.append('', { data: '€'.repeat(20) }));
  }
  for (const [bytes, most] of [
    [10, 1],
    [60, 1],
    [119, 1],
    [180, 3],
  ] as const) {
    const { entries: found } = await page(entries, { events: 100, bytes });
    assert.ok(found.length >= 1, 'at least one entry, as there is one');
    assert.ok(
      found.length <= most,
      `${found.length} entries of 60 bytes in a page of ${bytes}`,
    );
  }
}

async function trialIsTrimmed(trial: Trial, through: LogEntry) {
  await trial.eventually(
    'what is beyond the bound goes',
    async () => (await trial.log.bounds()).floor >= through.cursor,
  );
  return trial.log.bounds();
}

/** A page may hold less than its limit, but at least one entry when there is one. */
function assertOldest(
  { entries, floor }: LogPage,
  expected: readonly LogEntry[],
  expectedFloor: Cursor,
): void {
  const count = atLeastOne(entries, expected);
  assertSame(entries, expected.slice(0, count), 'the entries of a page');
  assert.equal(floor, expectedFloor, 'the floor that a page tells');
}

/** The same for a page that is read back. */
function assertNewest(
  { entries, floor }: LogPage,
  expected: readonly LogEntry[],
  expectedFloor: Cursor,
): void {
  const count = atLeastOne(entries, expected);
  assertSame(
    entries,
    expected.slice(expected.length - count),
    'the entries of a page',
  );
  assert.equal(floor, expectedFloor, 'the floor that a page tells');
}

function atLeastOne(
  entries: readonly LogEntry[],
  expected: readonly LogEntry[],
): number {
  assert.ok(
    entries.length > 0 || expected.length === 0,
    'a page holds at least one entry when there is one',
  );
  return Math.min(entries.length, expected.length);
}
