import { setTimeout as sleep } from 'node:timers/promises';
import { newestEntries, streamKey } from '../cluster/stream-entries.js';
import type { Trial } from '../trial.js';
import { REDIS } from './fault.js';
import type { Fault } from './fault.js';

/** More than a node's window has, so that a client that comes back needs the log. */
const MISSED = 600;

/** How long a busy machine may take to publish that many, in milliseconds. */
const PATIENCE = 60_000;

/** What happens to the engine: it stays or comes back with all its data, or loses some. */
export const engineFaults: readonly Fault[] = [
  {
    name: 'kill-engine',
    at: 'engine',
    logs: REDIS,
    async run(trial, dice) {
      const { redis } = trial.cluster;
      await redis.kill();
      await trial.outage(trial.nodes, dice.between(0, 4_000));
      await redis.restart();
    },
  },
  {
    name: 'restart-engine',
    at: 'engine',
    logs: REDIS,
    async run(trial) {
      // At once, so that it may happen between two commands of a connection that is made anew.
      await trial.cluster.redis.restart();
    },
  },
  {
    name: 'freeze-engine',
    at: 'engine',
    logs: REDIS,
    async run(trial, dice) {
      const { redis } = trial.cluster;
      redis.freeze();
      try {
        await trial.outage(trial.nodes, dice.between(2_000, 10_000));
      } finally {
        redis.thaw();
      }
    },
  },
  {
    name: 'trim-history',
    at: 'engine',
    logs: REDIS,
    async run(trial, dice) {
      const held = dice.some(trial.browsers, 2, 6);
      held.forEach((browser) => browser.hold());
      await missed(trial, MISSED);
      await trim(trial, dice.integer(20, 300));
      held.forEach((browser) => browser.release());
    },
  },
  {
    name: 'flush-engine',
    at: 'engine',
    logs: REDIS,
    async run(trial, dice) {
      const held = dice.some(trial.browsers, 0, 4);
      held.forEach((browser) => browser.hold());
      trial.losses.loseHistory();
      await trial.cluster.redis.flushAll();
      await trial.wait(dice.between(0, 1_000));
      held.forEach((browser) => browser.release());
    },
  },
  {
    name: 'empty-engine',
    at: 'engine',
    logs: REDIS,
    async run(trial, dice) {
      trial.losses.loseHistory();
      await trial.cluster.redis.kill();
      await trial.wait(dice.between(0, 3_000));
      await trial.cluster.redis.restartEmpty();
    },
  },
  {
    name: 'lose-tail',
    at: 'engine',
    // Only the nodes can know what the engine has forgotten: were they all new, nobody would.
    alone: true,
    logs: REDIS,
    async run(trial, dice) {
      // As a fail-over to a replica that had not got the newest entries.
      await trial.cluster.redis.save();
      await missed(trial, dice.integer(20, 500));
      const held = dice.some(trial.browsers, 1, 4);
      held.forEach((browser) => browser.hold());
      trial.losses.loseTail(trial.ledger.epoch!);
      await trial.cluster.redis.rollBack();
      await trial.wait(dice.between(0, 1_000));
      held.forEach((browser) => browser.release());
    },
  },
];

/** Waits until so many more events are acknowledged. */
async function missed(trial: Trial, count: number): Promise<void> {
  const goal = trial.crowd.acknowledged + count;
  if (!(await trial.until(() => trial.crowd.acknowledged >= goal, PATIENCE))) {
    trial.complain(`no ${count} events were published in ${PATIENCE} ms`);
  }
}

/** Keeps the newest entries and removes all others, as an operator does who needs memory. */
async function trim(trial: Trial, keep: number): Promise<void> {
  const { redis } = trial.cluster;
  for (;;) {
    const [last, gone] = (await newestEntries(redis, keep + 1)).slice(-2);
    const floor =
      gone?.event === undefined ? undefined : trial.ledger.cursorOf(gone.event);
    // An entry so new that nobody has told of it is no help to say what is trimmed.
    if (floor !== undefined) {
      trial.losses.trim(floor);
      const key = (await streamKey(redis))!;
      await redis.command('XTRIM', key, 'MINID', last!.id);
      return;
    }
    await sleep(50);
  }
}
