import assert from 'node:assert/strict';
import { epochOf } from '../../log/cursor.js';
import type { EventLog, LogEntry } from '../../log/event-log.js';
import { LogUnavailableException } from '../../log/log.exceptions.js';
import { assertSame, assertTold, inOrder, retained } from './history.js';
import { recordOf } from './record.js';
import type { TailReader } from './tail-reader.js';
import type { ContractCase, Trial } from './trial.js';

const PAGE = { events: 10, bytes: 10_000 };

export const absenceCases: readonly ContractCase[] = [
  {
    name: 'engine away: every method rejects with LogUnavailableException in a bounded time',
    needs: ['engine'],
    async run(trial) {
      const { head } = await trial.log.bounds();
      const unopened = trial.subject.another && trial.unopened();
      await trial.subject.engine!.stop();
      const calls: Record<string, () => Promise<unknown>> = {
        append: () => trial.append('event'),
        signal: () => trial.log.signal([recordOf('signal')]),
        read: () => trial.log.read(head, PAGE),
        readBack: () => trial.log.readBack(head, PAGE),
        bounds: () => trial.log.bounds(),
        ...(unopened && { 'open of another node': () => unopened.open() }),
      };
      await Promise.all(
        Object.entries(calls).map(([method, call]) =>
          assertUnavailable(method, call()),
        ),
      );
      await trial.subject.engine!.start();
    },
  },
  {
    name: 'engine away: many calls at once reject in a bounded time',
    needs: ['engine'],
    async run(trial) {
      await trial.subject.engine!.stop();
      await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          assertUnavailable('append', trial.append(`event ${i}`)),
        ),
      );
      await trial.subject.engine!.start();
    },
  },
  {
    name: 'engine away: health says down and why, and up when it is back',
    needs: ['engine'],
    async run(trial) {
      const tail = trial.tail(trial.log, trial.empty.floor);
      const entry = await trial.append('event');
      await tail.reaches(entry.cursor);
      assert.deepEqual(trial.log.health(), { status: 'up' });
      await trial.subject.engine!.stop();
      await trial.eventually(
        'health says down',
        () => trial.log.health().status === 'down',
      );
      const health = trial.log.health();
      assert.ok(health.status === 'down' && health.reason !== '', 'a reason');
      await trial.subject.engine!.start();
      await trial.eventually(
        'health says up',
        () => trial.log.health().status === 'up',
      );
    },
  },
  {
    name: 'engine away: open rejects, and works when it is called again',
    needs: ['engine', 'another'],
    async run(trial) {
      await trial.append('event');
      const log = trial.unopened();
      await trial.subject.engine!.stop();
      await assertUnavailable('open', log.open());
      await trial.subject.engine!.start();
      await comesBack(trial, () => log.open());
      await comesBack(trial, () => trial.log.bounds());

      await trial.append('from the node that was late', {}, log);
      assertSame(await retained(trial.log), await retained(log), 'both nodes');
    },
  },
  {
    name: 'engine away: tails wait, go on by themselves, and yield what was appended, or a gap',
    needs: ['engine'],
    async run(trial) {
      const nodes = await trial.nodes();
      const tails = nodes.map((log) => trial.tail(log, trial.empty.floor));
      const entries = await trial.appendEach(5);
      for (const tail of tails) {
        await tail.reaches(entries.at(-1)!.cursor);
      }
      for (let absence = 0; absence < 2; absence++) {
        await trial.subject.engine!.stop();
        await assertUnavailable('append', trial.append('event'));
        // One that begins while the engine is away.
        tails.push(trial.tail(trial.log, entries.at(-1)!.cursor));
        await trial.subject.engine!.start();
        await comesBack(trial, () => trial.append('back'));
        await tell(trial, nodes, tails, []);
      }
    },
  },
  {
    name: 'engine away: of what is appended while it goes, acknowledged batches are there, others whole or not at all, and equally for all',
    needs: ['engine'],
    async run(trial) {
      const nodes = await trial.nodes();
      const tails = nodes.map((log) => trial.tail(log, trial.empty.floor));
      const acknowledged: LogEntry[] = [];
      const batches = new Map<string, number>();
      // What is still acknowledged then may not go on for ever.
      let left = Infinity;
      const appenders = Array.from({ length: 6 }, async (_, appender) => {
        for (let i = 0; left > 0; i++, left--) {
          const name = `${appender}.${i}`;
          const size = 1 + trial.below(5);
          batches.set(name, size);
          const records = Array.from({ length: size }, () =>
            recordOf('', { data: name }),
          );
          const log = nodes[appender % nodes.length]!;
          try {
            acknowledged.push(...(await log.append(records)));
          } catch (error) {
            assertIsUnavailable('append', error);
            return;
          }
        }
      });
      const appending = Promise.all(appenders);
      void appending.catch(() => undefined);
      await tails[0]!.until('entries', () => tails[0]!.entries.length > 100);
      await trial.subject.engine!.stop();
      left = 200;
      await appending;
      await trial.subject.engine!.start();
      await comesBack(trial, () => trial.append('back'));
      const history = await tell(trial, nodes, tails, acknowledged);
      for (const [name, size] of batches) {
        const places = history.flatMap(({ data }, i) =>
          data === name ? [i] : [],
        );
        assert.ok(
          places.length === 0 || places.length === size,
          `${places.length} of ${size} records of a batch`,
        );
        assert.ok(
          places.length === 0 || places.at(-1)! - places[0]! === size - 1,
          'a batch lies together',
        );
      }
    },
  },
  {
    name: 'engine away: what was rejected while health said down does not come later from a queue',
    needs: ['engine'],
    async run(trial) {
      const tail = trial.tail(trial.log, trial.empty.floor);
      const first = await trial.append('first');
      await tail.reaches(first.cursor);
      await trial.subject.engine!.stop();
      await assertUnavailable('append', trial.append('rejected'));
      await trial.eventually(
        'health says down',
        () => trial.log.health().status === 'down',
      );
      await Promise.all(
        Array.from({ length: 10 }, () =>
          assertUnavailable('append', trial.append('queued')),
        ),
      );
      await trial.subject.engine!.start();
      await comesBack(trial, () => trial.append('back'));
      const last = await trial.append('last');
      await tail.reaches(last.cursor);
      const data = (await retained(trial.log)).map((entry) => entry.data);

      assert.ok(!data.includes(recordOf('queued').data), 'what was rejected');
    },
  },
];

/** A node may need a moment to see that the engine is back. */
async function comesBack<T>(
  trial: Trial,
  call: () => Promise<T>,
): Promise<void> {
  await trial.eventually('the engine is back', () =>
    call().then(
      () => true,
      (error: unknown) => {
        assertIsUnavailable('a call', error);
        return false;
      },
    ),
  );
}

/**
 * All nodes and tails tell one history. What was acknowledged is in it, unless the engine has lost
 * history: then there is another epoch, and who had seen it is told a gap.
 *
 * @returns the history
 */
async function tell(
  trial: Trial,
  nodes: readonly EventLog[],
  tails: readonly TailReader[],
  acknowledged: readonly LogEntry[],
): Promise<LogEntry[]> {
  const marker = await trial.append('marker');
  const epoch = epochOf(marker.cursor);
  const history = await retained(trial.log);
  const there = new Set(history.map(({ cursor }) => cursor));
  const { floor } = await trial.log.bounds();
  for (const entry of inOrder(acknowledged)) {
    assert.ok(
      epochOf(entry.cursor) !== epoch ||
        there.has(entry.cursor) ||
        entry.cursor <= floor,
      `${entry.cursor} was acknowledged and is not there`,
    );
  }
  for (const log of nodes) {
    await comesBack(trial, () => log.bounds());
    assertSame(await retained(log), history, 'every node');
  }
  for (const tail of tails) {
    await tail.reaches(marker.cursor);
    if (epochOf(tail.after) === epoch) {
      assertTold(tail, history);
    } else {
      assert.ok(
        tail.gaps.some((gap) => gap.epoch === epoch),
        'a gap',
      );
    }
  }
  return history;
}

async function assertUnavailable(
  method: string,
  call: Promise<unknown>,
): Promise<void> {
  await assert.rejects(call, (error) => assertIsUnavailable(method, error));
}

function assertIsUnavailable(method: string, error: unknown): true {
  assert.ok(
    error instanceof LogUnavailableException,
    `${method} rejects with LogUnavailableException, not with ${String(error)}`,
  );
  return true;
}
