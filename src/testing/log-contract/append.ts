import assert from 'node:assert/strict';
import { appendAtFullSpeed } from './full-speed.js';
import { assertSame, inOrder, readAll, retained } from './history.js';
import { recordOf } from './record.js';
import type { ContractCase } from './trial.js';

export const appendCases: readonly ContractCase[] = [
  {
    name: 'append: resolves when the engine has the entries: they are read at once, on every node',
    async run(trial) {
      const nodes = await trial.nodes();
      for (let i = 0; i < 20; i++) {
        const entry = await trial.append(`event ${i}`, {}, nodes[i % 2]);
        for (const log of nodes) {
          const { head } = await log.bounds();
          assert.equal(head, entry.cursor, 'the head after an append');
          const { entries } = await log.readBack(head, ONE);
          assertSame(entries, [entry], 'the newest entry');
        }
      }
    },
  },
  {
    name: 'append: the records of a batch lie next to each other in their order, whoever appends meanwhile',
    async run(trial) {
      const nodes = await trial.nodes();
      const batches = await appendAtFullSpeed(trial, nodes, { most: 12 });
      const history = await retained(trial.log);
      const place = new Map(history.map(({ cursor }, i) => [cursor, i]));

      for (const batch of batches.flat()) {
        const first = place.get(batch[0]!.cursor)!;
        assertSame(
          history.slice(first, first + batch.length),
          batch,
          'a batch as it lies in the log',
        );
      }
    },
  },
  {
    name: 'append: returns an entry for each record, with what the record says',
    async run(trial) {
      const records = ['a', 'b', 'c'].map((data) => recordOf(data));
      const entries = await trial.log.append(records);

      assert.deepEqual(
        entries.map(({ data }) => data),
        records.map(({ data }) => data),
      );
      assertSame(inOrder(entries), entries, 'their cursors ascend');
    },
  },
  {
    name: 'append: takes a batch of a thousand records',
    async run(trial) {
      const records = Array.from({ length: 1000 }, (_, i) =>
        recordOf(`event ${i}`),
      );
      const entries = await trial.log.append(records);

      assert.deepEqual(
        entries.map(({ data }) => data),
        records.map(({ data }) => data),
      );
      assertSame(
        await readAll(trial.log, trial.empty.floor),
        entries,
        'the batch as it is read',
      );
    },
  },
  {
    name: 'append: a batch of no records appends nothing',
    async run(trial) {
      const entry = await trial.append('event');

      assert.deepEqual(await trial.log.append([]), []);
      assert.equal((await trial.log.bounds()).head, entry.cursor);
    },
  },
];

const ONE = { events: 1, bytes: 1 };
