import assert from 'node:assert/strict';
import type { LogEntry } from '../../log/event-log.js';
import { LogUnavailableException } from '../../log/log.exceptions.js';
import { assertTold, inOrder, retained } from './history.js';
import { recordOf } from './record.js';
import type { ContractCase } from './trial.js';

const PAGE = { events: 10, bytes: 10_000 };

export const closingCases: readonly ContractCase[] = [
  {
    name: 'close: may be called twice, also at once',
    async run(trial) {
      await trial.append('event');
      await Promise.all([trial.log.close(), trial.log.close()]);
      await trial.log.close();
    },
  },
  {
    name: 'close: every method rejects afterwards with LogUnavailableException, health answers',
    async run(trial) {
      const { cursor } = await trial.append('event');
      await trial.log.close();
      const calls: Record<string, () => Promise<unknown>> = {
        open: () => trial.log.open(),
        append: () => trial.append('event'),
        signal: () => trial.log.signal([recordOf('signal')]),
        read: () => trial.log.read(cursor, PAGE),
        readBack: () => trial.log.readBack(cursor, PAGE),
        bounds: () => trial.log.bounds(),
      };
      for (const [method, call] of Object.entries(calls)) {
        await assert.rejects(
          call(),
          LogUnavailableException,
          `${method} rejects after close`,
        );
      }
      trial.log.health();
    },
  },
  {
    name: 'close: every tail ends, whether it waits, lags or was never read',
    async run(trial) {
      const waiting = trial.tail(trial.log, trial.empty.floor);
      const lagging = trial.slowTail(trial.log, trial.empty.floor);
      const unread = trial.slowTail(trial.log, trial.empty.floor);
      const [first] = await trial.appendEach(5);
      await lagging.pull();
      await waiting.reaches(first!.cursor);
      await trial.log.close();
      await waiting.ends();
      await lagging.run().ends();
      await unread.run().ends();
      await trial.tail(trial.log, trial.empty.floor).ends();
    },
  },
  {
    name: 'close: what waits is acknowledged or rejected, nothing hangs',
    async run(trial) {
      const { floor } = trial.empty;
      const calls: Promise<unknown>[] = Array.from({ length: 20 }, (_, i) =>
        trial.append(`event ${i}`),
      );
      calls.push(trial.log.bounds(), trial.log.read(floor, PAGE));
      const settled = Promise.allSettled(calls);
      await trial.log.close();
      for (const call of await settled) {
        assert.ok(
          call.status === 'fulfilled' ||
            call.reason instanceof LogUnavailableException,
          `rejected with LogUnavailableException, not with ${String('reason' in call && call.reason)}`,
        );
      }
    },
  },
  {
    name: 'close: what was acknowledged before is there after a restart',
    needs: ['restart'],
    async run(trial) {
      const acknowledged: LogEntry[] = [];
      const appends = Array.from({ length: 50 }, (_, i) =>
        trial
          .append(`event ${i}`)
          .then((entry) => acknowledged.push(entry))
          .catch(() => undefined),
      );
      await Promise.race(appends);
      const { log } = await trial.restart();
      await Promise.all(appends);
      const there = new Set((await retained(log)).map(({ cursor }) => cursor));

      assert.ok(acknowledged.length > 0);
      for (const { cursor } of inOrder(acknowledged)) {
        assert.ok(there.has(cursor), `${cursor} was acknowledged and is gone`);
      }
    },
  },
  {
    name: 'close: of one node leaves the others as they are',
    needs: ['another'],
    async run(trial) {
      const other = await trial.another();
      const tail = trial.tail(trial.log, trial.empty.floor);
      const first = await trial.append('first', {}, other);
      await other.close();
      const second = await trial.append('second');
      await tail.reaches(second.cursor);

      assertTold(tail, [first, second]);
    },
  },
];
