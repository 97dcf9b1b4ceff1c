import type { AppNode } from '../cluster/app-node.js';
import { ALL, DURABLE, REDIS } from './fault.js';
import type { Fault } from './fault.js';

/** More than the socket of a client that takes nothing holds, in bytes. */
const FLOOD = 10 * 1024 * 1024;

/** What happens to the processes, their way to the engine, and the clients. */
export const nodeFaults: readonly Fault[] = [
  {
    name: 'kill-node',
    at: 'nodes',
    logs: DURABLE,
    async run(trial, dice) {
      const node = dice.pick(trial.nodes);
      await node.kill();
      await trial.wait(dice.between(0, 2_000));
      await node.start();
    },
  },
  {
    name: 'restart-nodes',
    at: 'nodes',
    logs: DURABLE,
    async run(trial, dice) {
      const orderly = dice.chance(0.5);
      const end = (node: AppNode): Promise<void> =>
        orderly ? node.stop() : node.kill();
      await Promise.all(trial.nodes.map(end));
      await trial.wait(dice.between(0, 1_000));
      await Promise.all(trial.nodes.map((node) => node.start()));
    },
  },
  {
    name: 'cut-link',
    at: 'network',
    logs: REDIS,
    async run(trial, dice) {
      const { proxies } = trial.cluster;
      for (let times = dice.integer(2, 8); times > 0; times--) {
        dice.pick(proxies).cut();
        await trial.wait(dice.between(0, 500));
      }
    },
  },
  {
    name: 'refuse-link',
    at: 'network',
    logs: REDIS,
    async run(trial, dice) {
      const at = dice.integer(0, trial.nodes.length - 1);
      const proxy = trial.cluster.proxies[at]!;
      proxy.refuse();
      proxy.cut();
      await trial.outage([trial.nodes[at]!], dice.between(0, 6_000));
      proxy.accept();
    },
  },
  {
    name: 'hold-link',
    at: 'network',
    logs: REDIS,
    async run(trial, dice) {
      const at = dice.integer(0, trial.nodes.length - 1);
      const proxy = trial.cluster.proxies[at]!;
      proxy.hold();
      await trial.outage([trial.nodes[at]!], dice.between(2_000, 10_000));
      proxy.release();
    },
  },
  {
    name: 'mute-link',
    at: 'network',
    logs: REDIS,
    async run(trial, dice) {
      // Commands arrive and are carried out, and nobody hears of it.
      const at = dice.integer(0, trial.nodes.length - 1);
      const proxy = trial.cluster.proxies[at]!;
      proxy.dropReplies();
      await trial.outage([trial.nodes[at]!], dice.between(1_000, 6_000));
      // No network loses some bytes and carries the next ones.
      proxy.cut();
      proxy.dropReplies(false);
    },
  },
  {
    name: 'delay-link',
    at: 'network',
    logs: REDIS,
    async run(trial, dice) {
      const proxy = dice.pick(trial.cluster.proxies);
      for (let times = dice.integer(1, 5); times > 0; times--) {
        proxy.delay(dice.between(5, 300));
        await trial.wait(dice.between(200, 2_000));
        if (dice.chance(0.5)) {
          proxy.cut();
        }
      }
      proxy.delay(0);
    },
  },
  {
    name: 'lose-reply',
    at: 'network',
    logs: REDIS,
    async run(trial, dice) {
      const proxy = dice.pick(trial.cluster.proxies);
      for (let times = dice.integer(1, 6); times > 0; times--) {
        // The data is in every request that appends, whatever command carries it.
        let isCut = false;
        void proxy.cutBeforeReply('padding').then(() => {
          isCut = true;
          trial.repliesLost++;
        });
        await trial.until(() => isCut, 3_000);
        await trial.wait(dice.between(0, 500));
      }
    },
  },
  {
    name: 'freeze-client',
    at: 'clients',
    logs: ALL,
    async run(trial, dice) {
      const frozen = dice.some(trial.browsers, 1, 5);
      frozen.forEach((browser) => browser.freeze());
      if (dice.chance(0.5)) {
        // The buffers of the system take much before a server notices.
        const isCut = (): boolean => !frozen.some(({ isFrozen }) => isFrozen);
        await trial.crowd.flood(isCut, FLOOD);
      }
      await trial.wait(dice.between(2_000, 10_000));
      frozen.forEach((browser) => browser.thaw());
    },
  },
  {
    name: 'drop-clients',
    at: 'clients',
    logs: ALL,
    async run(trial, dice) {
      const held = dice.some(trial.browsers, 1, trial.browsers.length);
      trial.browsers.forEach((browser) => browser.drop());
      held.forEach((browser) => browser.hold());
      await trial.wait(dice.between(0, 3_000));
      held.forEach((browser) => browser.release());
    },
  },
];
