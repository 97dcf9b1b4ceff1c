import assert from 'node:assert/strict';
import type { EventLog, LogRecord } from '../../log/event-log.js';
import { plain, recordOf } from './record.js';
import { assertTold, retained } from './history.js';
import type { TailReader } from './tail-reader.js';
import type { ContractCase, Trial } from './trial.js';

export const signalCases: readonly ContractCase[] = [
  {
    name: 'signal: reaches every tail that listens, on every node, with what the record says',
    async run(trial) {
      const nodes = await trial.nodes();
      const tails = [trial.log, ...nodes].map((log) =>
        trial.tail(log, trial.empty.floor),
      );
      await listening(trial, trial.log, tails);
      for (const log of nodes) {
        const record = recordOf(`from node ${nodes.indexOf(log)}`, {
          topic: 'users.42',
          type: 'typing',
          audience: { users: ['42'], roles: ['admin'] },
        });
        await log.signal([record, recordOf('and another')]);
        for (const tail of tails) {
          const found = await signalled(tail, record);
          assert.deepEqual(found, plain(record), 'what the signal says');
        }
      }
    },
  },
  {
    name: 'signal: comes at most once and without a cursor',
    async run(trial) {
      const nodes = await trial.nodes();
      const tails = nodes.map((log) => trial.tail(log, trial.empty.floor));
      await listening(trial, trial.log, tails);
      const records = Array.from({ length: 40 }, (_, i) => recordOf(`s ${i}`));
      for (const record of records) {
        await nodes[trial.below(nodes.length)]!.signal([record]);
        await trial.append(`event for ${record.data}`);
      }
      const last = await trial.append('last');
      for (const tail of tails) {
        await tail.reaches(last.cursor);
        for (const record of records) {
          await signalled(tail, record);
        }
        const data = tail.signals.map((signal) => signal.data);
        assert.equal(new Set(data).size, data.length, 'each at most once');
      }
    },
  },
  {
    name: 'signal: is not retained: no page, no bounds and no later tail has it',
    async run(trial) {
      const tail = trial.tail(trial.log, trial.empty.floor);
      await listening(trial, trial.log, [tail]);
      const entry = await trial.append('event');
      const record = recordOf('signal');
      await trial.log.signal([record]);
      await signalled(tail, record);

      assert.equal((await trial.log.bounds()).head, entry.cursor, 'the head');
      const { entries } = await trial.log.readBack(entry.cursor, {
        events: 9,
        bytes: 9_999,
      });
      assert.equal(entries.length, 1, 'read back');
      assert.equal((await retained(trial.log)).length, 1, 'read');
      const later = trial.tail(trial.log, trial.empty.floor);
      const last = await trial.append('last');
      await later.reaches(last.cursor);
      assertTold(later, [entry, last]);
      assert.deepEqual(later.signals, [], 'signals of a later tail');
    },
  },
  {
    name: 'signal: many among the entries leave their order as it is',
    async run(trial) {
      const tail = trial.tail(trial.log, trial.empty.floor);
      const entries = await Promise.all(
        Array.from({ length: 60 }, async (_, i) => {
          await trial.log.signal([recordOf(`signal ${i}`)]);
          return trial.append(`event ${i}`);
        }),
      );
      const history = entries.toSorted((a, b) =>
        a.cursor < b.cursor ? -1 : 1,
      );
      await tail.reaches(history.at(-1)!.cursor);

      assertTold(tail, history);
    },
  },
];

/** Sends signals until each tail has had one: nothing tells when a tail begins to listen. */
async function listening(
  trial: Trial,
  log: EventLog,
  tails: readonly TailReader[],
): Promise<void> {
  let probe = 0;
  await trial.eventually('every tail gets signals', async () => {
    await log.signal([recordOf(`probe ${probe++}`)]);
    return tails.every((tail) => tail.signals.length > 0);
  });
}

/** The signal as the tail got it. */
async function signalled(
  tail: TailReader,
  { data }: LogRecord,
): Promise<LogRecord> {
  const find = () => tail.signals.find((signal) => signal.data === data);
  await tail.until(`the signal ${data}`, () => find() !== undefined);
  return plain(find()!);
}
