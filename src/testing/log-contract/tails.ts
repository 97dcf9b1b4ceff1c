import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventLog, LogEntry } from '../../log/event-log.js';
import { appendAtFullSpeed } from './full-speed.js';
import { assertTold, inOrder } from './history.js';
import type { TailReader } from './tail-reader.js';
import type { ContractCase, Trial } from './trial.js';

export const tailCases: readonly ContractCase[] = [
  {
    name: 'tail: from the floor every retained entry, then what comes',
    async run(trial) {
      const entries = await trial.appendEach(5);
      const tail = trial.tail(trial.log, trial.empty.floor);
      await tail.reaches(entries.at(-1)!.cursor);
      entries.push(...(await trial.appendEach(5, 'live')));
      await tail.reaches(entries.at(-1)!.cursor);

      assertTold(tail, entries);
      assert.deepEqual(tail.gaps, []);
    },
  },
  {
    name: 'tail: from the middle what comes after it, from the head only what comes',
    async run(trial) {
      const entries = await trial.appendEach(6);
      const tails = entries.map(({ cursor }) => trial.tail(trial.log, cursor));
      const live = await trial.append('live');

      for (const [i, tail] of tails.entries()) {
        await tail.reaches(live.cursor);
        assert.equal(tail.entries.length, entries.length - i);
        assertTold(tail, [...entries, live]);
      }
    },
  },
  {
    name: 'tail: every entry once and in order, wherever it begins while appends run at full speed',
    async run(trial) {
      const nodes = await trial.nodes();
      const tails: TailReader[] = [];
      const begin = async (log: EventLog): Promise<void> => {
        const { head } = await log.bounds();
        tails.push(trial.tail(log, head), trial.tail(log, trial.empty.floor));
        const { entries } = await log.read(trial.empty.floor, {
          events: 1 + trial.below(200),
          bytes: 100_000,
        });
        tails.push(trial.tail(log, entries.at(-1)?.cursor ?? head));
      };
      const appends = appendAtFullSpeed(trial, nodes, { batches: 60 });
      const appending = watch(appends);
      do {
        await begin(nodes[trial.below(nodes.length)]!);
        await nextTurn();
      } while (appending() && tails.length < 30);
      const history = inOrder((await appends).flat(2));

      for (const tail of tails) {
        await tail.reaches(history.at(-1)!.cursor);
        assertTold(tail, history);
        assert.deepEqual(tail.gaps, [], 'nothing was trimmed');
      }
    },
  },
  {
    name: 'tail: a gap first where entries after its position are gone, then what is left and what comes',
    retention: { maxEvents: 4 },
    async run(trial) {
      const entries = await trial.appendEach(10);
      await trial.eventually(
        'what is beyond the bound goes',
        async () => (await trial.log.bounds()).floor >= entries[5]!.cursor,
      );
      const { epoch, floor } = await trial.log.bounds();
      for (const after of [trial.empty.floor, entries[2]!.cursor]) {
        const tail = trial.tail(trial.log, after);
        await tail.reaches(entries.at(-1)!.cursor);

        assert.deepEqual(tail.gaps, [{ epoch, floor, position: floor }]);
        assert.ok('gap' in tail.told[0]!, 'the gap comes first');
        assertTold(tail, entries);
      }
      const live = await trial.append('live');
      const tail = trial.tail(trial.log, entries.at(-1)!.cursor);
      await tail.reaches(live.cursor);
      assertTold(tail, [...entries, live]);
    },
  },
  {
    name: 'tail: no gap at the floor, which has lost nothing',
    retention: { maxEvents: 4 },
    async run(trial) {
      const entries = await trial.appendEach(10);
      const { floor } = await trial.log.bounds();
      const tail = trial.tail(trial.log, floor);
      await tail.reaches(entries.at(-1)!.cursor);

      assert.deepEqual(tail.gaps, []);
      assertTold(tail, entries);
    },
  },
  {
    name: 'tail: one that is read slowly loses nothing',
    run: (trial) => readSlowly(trial),
  },
  {
    name: 'tail: one that is read slowly while history is trimmed loses nothing, or tells a gap',
    retention: { maxEvents: 20 },
    run: (trial) => readSlowly(trial),
  },
  {
    name: 'tail: one that is not read holds up no other',
    async run(trial) {
      const slow = trial.slowTail(trial.log, trial.empty.floor);
      const tail = trial.tail(trial.log, trial.empty.floor);
      const entries = await trial.appendEach(50);
      await tail.reaches(entries.at(-1)!.cursor);
      assertTold(tail, entries);
      slow.run();
      await slow.reaches(entries.at(-1)!.cursor);

      assertTold(slow, entries);
    },
  },
  {
    name: 'tail: one that is left yields nothing any more, and the others go on',
    async run(trial) {
      const left = trial.slowTail(trial.log, trial.empty.floor);
      const tail = trial.tail(trial.log, trial.empty.floor);
      const first = await trial.append('first');
      await left.pull();
      await trial.within('a tail is left', left.stop());
      const second = await trial.append('second');

      assert.equal(
        await left.pull(),
        false,
        'the tail that was left has ended',
      );
      await tail.reaches(second.cursor);
      assertTold(tail, [first, second]);
    },
  },
];

/** Pulls a batch now and then, while appends do not wait for it. */
async function readSlowly(trial: Trial): Promise<void> {
  const tail = trial.slowTail(trial.log, trial.empty.floor);
  const history: LogEntry[] = await trial.appendEach(3);
  await tail.pull();
  for (let round = 0; round < 6; round++) {
    history.push(...(await trial.appendEach(10 + trial.below(40))));
    await tail.pull();
  }
  tail.run();
  history.push(await trial.append('last'));
  await tail.reaches(history.at(-1)!.cursor);

  assertTold(tail, history);
}

/** Whether a promise is still pending. */
function watch(promise: Promise<unknown>): () => boolean {
  let pending = true;
  const settle = (): void => void (pending = false);
  promise.then(settle, settle);
  return () => pending;
}
