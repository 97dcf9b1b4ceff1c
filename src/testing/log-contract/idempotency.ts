import assert from 'node:assert/strict';
import type { LogEntry } from '../../log/event-log.js';
import { appendAtFullSpeed } from './full-speed.js';
import { assertSame, assertTold, inOrder, retained } from './history.js';
import { recordOf } from './record.js';
import type { ContractCase, Trial } from './trial.js';

const key = (idempotencyKey: string) => ({ idempotencyKey });

export const idempotencyCases: readonly ContractCase[] = [
  {
    name: 'idempotency: a second append with a key is not appended and returns the first entry',
    async run(trial) {
      const tail = trial.tail(trial.log, trial.empty.floor);
      const first = await trial.append('first', key('k'));
      const second = await trial.append('second', key('k'));
      const other = await trial.append('other');

      assertSame([second], [first], 'what the second append returns');
      assertSame(await retained(trial.log), [first, other], 'the log');
      await tail.reaches(other.cursor);
      assertTold(tail, [first, other]);
    },
  },
  {
    name: 'idempotency: in one batch the first record with a key counts',
    async run(trial) {
      const [first, again, other] = await trial.log.append([
        recordOf('first', key('k')),
        recordOf('again', key('k')),
        recordOf('other', key('l')),
      ]);

      assertSame([again!], [first!], 'what stands for the second record');
      assertSame(await retained(trial.log), [first!, other!], 'the log');
    },
  },
  {
    name: 'idempotency: an earlier entry stands in its place in what is returned, the new ones around it',
    async run(trial) {
      const known = await trial.append('known', key('k'));
      const entries = await trial.log.append([
        recordOf('before'),
        recordOf('again', key('k')),
        recordOf('behind'),
      ]);

      assert.equal(entries.length, 3, 'an entry for each record');
      assertSame([entries[1]!], [known], 'the entry of the known key');
      assertSame(
        await retained(trial.log),
        [known, entries[0]!, entries[2]!],
        'the log',
      );
    },
  },
  {
    name: 'idempotency: of concurrent appends with a key one is appended and all get its entry',
    run: (trial) => oneEntryForEachKey(trial),
  },
  {
    name: 'idempotency: of concurrent appends of two nodes with a key one is appended and all get its entry',
    needs: ['another'],
    run: (trial) => oneEntryForEachKey(trial),
  },
  {
    name: 'idempotency: a key holds on another node',
    needs: ['another'],
    async run(trial) {
      const first = await trial.append('first', key('k'));
      const other = await trial.another();

      assertSame(
        [await trial.append('second', key('k'), other)],
        [first],
        'what the other node gets',
      );
    },
  },
  {
    name: 'idempotency: a key holds over a restart',
    needs: ['restart'],
    async run(trial) {
      const first = await trial.append('first', key('k'));
      const { log } = await trial.restart();

      assertSame(
        [await trial.append('second', key('k'), log)],
        [first],
        'what the next process gets',
      );
      assertSame(await retained(log), [first], 'the log');
    },
  },
  {
    name: 'idempotency: a key holds while its entry is retained, and is free when it is gone',
    retention: { maxEvents: 3 },
    async run(trial) {
      const first = await trial.append('first', key('k'));
      await trial.appendEach(2);
      assertSame(
        [await trial.append('second', key('k'))],
        [first],
        'the oldest retained entry',
      );
      const last = await trial.append('makes it go');
      await trial.eventually(
        'the oldest entry goes',
        async () => (await trial.log.bounds()).floor >= first.cursor,
      );
      const again = await trial.append('again', key('k'));

      assert.ok(again.cursor > last.cursor, 'a new entry');
      assert.equal(again.data, recordOf('again').data);
      assertSame(
        [await trial.append('once more', key('k'))],
        [again],
        'the key is that of the new entry',
      );
    },
  },
  {
    name: 'idempotency: keys that differ in case, in spaces or in Unicode form are different keys',
    async run(trial) {
      const keys = [
        'k',
        'K',
        ' k',
        'k ',
        'caf\u00e9',
        'cafe\u0301',
        '\u{1f3ac}',
        'k'.repeat(255),
      ];
      const entries = await trial.log.append(
        keys.map((idempotencyKey) =>
          recordOf(idempotencyKey, { idempotencyKey }),
        ),
      );

      assert.equal(inOrder(entries).length, keys.length);
    },
  },
  {
    name: 'idempotency: records without a key are never taken for one another',
    async run(trial) {
      const record = recordOf('the same');
      const [a, b] = await trial.log.append([record, record]);
      const [c] = await trial.log.append([record]);

      assertSame(await retained(trial.log), [a!, b!, c!], 'the log');
    },
  },
];

async function oneEntryForEachKey(trial: Trial): Promise<void> {
  const nodes = await trial.nodes();
  const tails = nodes.map((log) => trial.tail(log, trial.empty.floor));
  const keys = new Map<string, string | undefined>();
  const batches = await appendAtFullSpeed(trial, nodes, {
    appenders: 6,
    record: (record) => {
      const idempotencyKey =
        trial.random() < 0.3 ? undefined : `key ${trial.below(40)}`;
      keys.set(record.data, idempotencyKey);
      return { ...record, idempotencyKey };
    },
  });
  const history = await retained(trial.log);
  const byKey = new Map<string, LogEntry>();
  for (const entry of history) {
    const idempotencyKey = keys.get(entry.data);
    assert.equal(entry.idempotencyKey, idempotencyKey, 'its own key');
    if (idempotencyKey !== undefined) {
      assert.ok(!byKey.has(idempotencyKey), `two entries: ${idempotencyKey}`);
      byKey.set(idempotencyKey, entry);
    }
  }

  const returned = batches.flat(2);
  assertSame(inOrder(returned), history, 'what appends have returned');
  const byCursor = new Map(history.map((entry) => [entry.cursor, entry]));
  for (const entry of returned) {
    assertSame(
      [entry],
      [byCursor.get(entry.cursor)!],
      'what an append returned',
    );
  }
  for (const tail of tails) {
    await tail.reaches(history.at(-1)!.cursor);
    assertTold(tail, history);
  }
}
