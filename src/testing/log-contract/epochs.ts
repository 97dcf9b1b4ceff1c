import assert from 'node:assert/strict';
import { epochOf } from '../../log/cursor.js';
import type { EventLog, LogEntry } from '../../log/event-log.js';
import { appendAtFullSpeed } from './full-speed.js';
import {
  assertSame,
  assertTold,
  inOrder,
  readAll,
  retained,
} from './history.js';
import type { ContractCase, Trial } from './trial.js';

export const epochCases: readonly ContractCase[] = [
  {
    name: 'epoch: a tail from a position of another history yields a gap, then all that is retained',
    async run(trial) {
      const entries = await trial.appendEach(3);
      const { epoch, floor } = trial.empty;
      // Of the same form, and before and after it in byte order.
      for (const other of ['0', 'zzzz']) {
        const tail = trial.tail(trial.log, floor.replace(epoch, other));
        await tail.reaches(entries.at(-1)!.cursor);

        assert.deepEqual(tail.gaps, [{ epoch, floor, position: floor }]);
        assertTold(tail, entries);
      }
    },
  },
  {
    name: 'restart: the same epoch, bounds and entries, and positions that go on',
    needs: ['restart'],
    async run(trial) {
      const entries = await trial.appendEach(8);
      const before = await trial.log.bounds();
      const { log, bounds } = await trial.restart();
      assert.deepEqual(bounds, before, 'what open() tells');
      assertSame(await retained(log), entries, 'what is retained');
      const next = await trial.append('next', {}, log);

      assert.ok(next.cursor > before.head, 'a position that no entry had');
      assertSame(await retained(log), [...entries, next], 'what is retained');
    },
  },
  {
    name: 'restart: the floor stays where it was, and retention goes on',
    needs: ['restart'],
    retention: { maxEvents: 4 },
    async run(trial) {
      const entries = await trial.appendEach(10);
      await trial.eventually(
        'what is beyond the bound goes',
        async () => (await trial.log.bounds()).floor >= entries[5]!.cursor,
      );
      const before = await trial.log.bounds();
      const { log, bounds } = await trial.restart();
      assert.deepEqual(bounds, before, 'what open() tells');
      const next = await trial.append('next', {}, log);
      await trial.eventually(
        'what is beyond the bound goes',
        async () => (await log.bounds()).floor >= entries[6]!.cursor,
      );

      assertSame(
        await retained(log),
        [...entries.slice(7), next],
        'what is retained',
      );
    },
  },
  {
    name: 'restart: no position is used twice, also when all had gone',
    needs: ['restart'],
    retention: { maxAge: 300 },
    async run(trial) {
      const [entry] = await trial.appendEach(1);
      await trial.eventually(
        'an event goes that is too old',
        async () => (await trial.log.bounds()).floor >= entry!.cursor,
      );
      const { log, bounds } = await trial.restart();
      const next = await trial.append('next', {}, log);

      assert.equal(bounds.head, entry!.cursor, 'the head of the empty log');
      assert.equal(bounds.floor, entry!.cursor, 'the floor of the empty log');
      assert.ok(next.cursor > entry!.cursor, 'a position that no entry had');
    },
  },
  {
    name: 'restart: a tail from a position of before yields what came after it, without a gap',
    needs: ['restart'],
    async run(trial) {
      const entries = await trial.appendEach(6);
      const { log } = await trial.restart();
      const tail = trial.tail(log, entries[2]!.cursor);
      entries.push(await trial.append('next', {}, log));
      await tail.reaches(entries.at(-1)!.cursor);

      assert.deepEqual(tail.gaps, []);
      assertTold(tail, entries);
    },
  },
  {
    name: 'lost history: the next append is in another epoch, on every node, without any other call between',
    needs: ['loseHistory'],
    async run(trial) {
      const nodes = await trial.nodes();
      const lost = await trial.appendEach(5);
      const epochs = [trial.empty.epoch];
      for (let loss = 0; loss < 2; loss++) {
        await trial.subject.loseHistory!();
        const entries: LogEntry[] = [];
        for (const log of nodes) {
          entries.push(await trial.append('after the loss', {}, log));
        }
        const epoch = epochOf(entries[0]!.cursor);
        assert.ok(
          !epochs.includes(epoch),
          `another epoch than ${epochs.join()}`,
        );
        epochs.push(epoch);
        for (const log of nodes) {
          const bounds = await log.bounds();
          assert.equal(bounds.epoch, epoch, 'the epoch that bounds() tells');
          assertSame(await retained(log), entries, 'what is retained');
        }
      }
      assert.equal(epochOf(lost[0]!.cursor), epochs[0]);
    },
  },
  {
    name: 'lost history: bounds tell another epoch, also when nothing was appended',
    needs: ['loseHistory'],
    async run(trial) {
      await trial.appendEach(3);
      await trial.subject.loseHistory!();
      const { epoch, floor, head } = await trial.log.bounds();

      assert.notEqual(epoch, trial.empty.epoch);
      assert.equal(head, floor, 'nothing is retained');
      assert.equal(epochOf(floor), epoch);
      assertSame(await readAll(trial.log, floor), [], 'what is read');
    },
  },
  {
    name: 'lost history: every tail on every node yields a gap, then all of the new history',
    needs: ['loseHistory'],
    async run(trial) {
      const nodes = await trial.nodes();
      const tails = nodes.map((log) => trial.tail(log, trial.empty.floor));
      const [, , last] = await trial.appendEach(3);
      for (const tail of tails) {
        await tail.reaches(last!.cursor);
      }
      await trial.subject.loseHistory!();
      const entries = await trial.appendEach(3, 'after the loss');

      for (const tail of tails) {
        await tail.until('a gap', () => tail.gaps.length > 0);
        await tail.reaches(entries.at(-1)!.cursor);
        assertSame(afterLastGap(tail.told), entries, 'what a tail yields then');
        assert.equal(tail.gaps.length, 1, 'one gap for one loss');
      }
    },
  },
  {
    name: 'lost history: a tail tells it also while nobody appends',
    needs: ['loseHistory'],
    async run(trial) {
      const tail = trial.tail(trial.log, trial.empty.floor);
      const entry = await trial.append('event');
      await tail.reaches(entry.cursor);
      await trial.subject.loseHistory!();
      await tail.until('a gap', () => tail.gaps.length > 0);

      assert.notEqual(tail.gaps[0]!.epoch, trial.empty.epoch);
    },
  },
  {
    name: 'lost history: what is acknowledged while it happens is in the history that its cursor names',
    needs: ['loseHistory'],
    async run(trial) {
      const nodes = await trial.nodes();
      const tails = nodes.map((log) => trial.tail(log, trial.empty.floor));
      const appends = appendAtFullSpeed(trial, nodes, { batches: 40 });
      void appends.catch(() => undefined);
      await tails[0]!.until('entries', () => tails[0]!.entries.length > 50);
      await trial.subject.loseHistory!();
      const batches = (await appends).flat();
      const marker = await trial.append('marker');
      const now = epochOf(marker.cursor);
      const isNow = ({ cursor }: LogEntry) => epochOf(cursor) === now;
      for (const batch of batches) {
        assert.equal(
          new Set(batch.map(({ cursor }) => epochOf(cursor))).size,
          1,
          'a batch is in one history',
        );
      }
      await allTell(nodes, tails, [
        ...inOrder(batches.flat().filter(isNow)),
        marker,
      ]);
    },
  },
];

async function allTell(
  nodes: readonly EventLog[],
  tails: ReturnType<Trial['tail']>[],
  history: readonly LogEntry[],
): Promise<void> {
  for (const [i, log] of nodes.entries()) {
    assertSame(await retained(log), history, 'what is retained');
    await tails[i]!.reaches(history.at(-1)!.cursor);
    assertSame(
      afterLastGap(tails[i]!.told),
      history,
      'what a tail yields after the gap',
    );
  }
}

function afterLastGap(told: ReturnType<Trial['tail']>['told']): LogEntry[] {
  const gap = told.findLastIndex((item) => 'gap' in item);
  return told
    .slice(gap + 1)
    .flatMap((item) => ('entry' in item ? [item.entry] : []));
}
