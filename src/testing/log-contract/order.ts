import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MAX_CURSOR_LENGTH, epochOf, isCursor } from '../../log/cursor.js';
import type { LogEntry } from '../../log/event-log.js';
import { appendAtFullSpeed } from './full-speed.js';
import {
  assertSame,
  assertTold,
  inOrder,
  readAll,
  retained,
} from './history.js';
import type { ContractCase, Trial } from './trial.js';

export const orderCases: readonly ContractCase[] = [
  {
    name: 'cursors: byte order is log order',
    async run(trial) {
      const entries = [
        ...(await trial.appendEach(40)),
        ...(await appendAtFullSpeed(trial, [trial.log])).flat(2),
      ];
      const cursors = (await retained(trial.log)).map(({ cursor }) => cursor);

      assert.equal(cursors.length, entries.length);
      const sorted = cursors.toSorted((a, b) =>
        Buffer.compare(Buffer.from(a), Buffer.from(b)),
      );
      assert.deepEqual(cursors, sorted, 'cursors as they are read');
    },
  },
  {
    name: `cursors: "<epoch>-<position>" of [0-9a-z-], at most ${MAX_CURSOR_LENGTH} bytes, of one length within an epoch`,
    async run(trial) {
      const { epoch, floor } = trial.empty;
      assert.match(epoch, /^[0-9a-z]+$/, 'an epoch has no dash');
      await appendAtFullSpeed(trial, [trial.log]);
      const { head } = await trial.log.bounds();
      const entries = await retained(trial.log);

      for (const cursor of [floor, head, ...entries.map((e) => e.cursor)]) {
        assert.ok(isCursor(cursor), `${JSON.stringify(cursor)} is a cursor`);
        assert.equal(epochOf(cursor), epoch, `${cursor} names its epoch`);
        assert.equal(cursor.length, floor.length, `${cursor} and ${floor}`);
      }
    },
  },
  {
    name: 'order: what is appended after another append was acknowledged comes after it, on every node',
    async run(trial) {
      const nodes = await trial.nodes();
      const entries: LogEntry[] = [];
      for (let i = 0; i < 30; i++) {
        const log = nodes[trial.below(nodes.length)];
        entries.push(await trial.append(`event ${i}`, {}, log));
      }

      assertSame(await retained(trial.log), entries, 'in the order of appends');
    },
  },
  {
    name: 'order: concurrent appends have one order for append, read and tail',
    run: (trial) => oneOrder(trial),
  },
  {
    name: 'order: concurrent appends of two nodes have one order for all readers of both',
    needs: ['another'],
    run: (trial) => oneOrder(trial),
  },
  {
    name: 'order: no entry becomes visible before an earlier one: who reads on while others append misses nothing',
    async run(trial) {
      const nodes = await trial.nodes();
      let appending = true;
      const appends = appendAtFullSpeed(trial, nodes, { batches: 40 });
      void appends.catch(() => undefined).finally(() => (appending = false));
      const readers = nodes.map(async (log) => {
        const seen: LogEntry[] = [];
        let at = trial.empty.floor;
        // Once more afterwards, for what came with the last append.
        for (let last = false; !last;) {
          last = !appending;
          const page = await readAll(log, at);
          seen.push(...page);
          at = page.at(-1)?.cursor ?? at;
          // A log that answers at once would leave the appends no turn.
          await nextTurn();
        }
        return seen;
      });
      const [batches, ...seen] = await Promise.all([appends, ...readers]);

      for (const entries of seen) {
        assertSame(entries, inOrder(batches.flat(2)), 'read page after page');
      }
    },
  },
];

async function oneOrder(trial: Trial): Promise<void> {
  const nodes = await trial.nodes();
  const { floor } = trial.empty;
  const tails = nodes.map((log) => trial.tail(log, floor));
  const batches = (await appendAtFullSpeed(trial, nodes)).flat();
  const history = inOrder(batches.flat());

  assert.equal(history.length, batches.flat().length, 'a position each');
  for (const [i, log] of nodes.entries()) {
    assertSame(await readAll(log, floor), history, `read on node ${i}`);
    const { head } = await log.bounds();
    assert.equal(head, history.at(-1)!.cursor, `the head of node ${i}`);
    await tails[i]!.reaches(head);
    assertTold(tails[i]!, history);
  }
}
