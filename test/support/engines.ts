import type { EventLog } from 'nestjs-sse-hub';
import { RedisLog } from 'nestjs-sse-hub/redis';
import { RedisServer } from './redis-server.js';
import { SharedHistory } from './shared-log.js';

/** What the nodes of a test share. */
export interface Engine {
  /**
   * A log of its own for one node.
   *
   * @param timeout how long it waits for an engine that is away, in milliseconds
   */
  log(timeout?: number): EventLog;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  dispose(): Promise<void>;
}

/** For `describe.each`: a promise about many nodes holds on all of them. */
export const engines: [name: string, start: () => Promise<Engine>][] = [
  [
    'a history in memory',
    async () => {
      const history = new SharedHistory();
      return {
        log: () => history.node(),
        goAway: async () => history.goAway(),
        comeBack: async () => history.comeBack(),
        dispose: () => Promise.resolve(),
      };
    },
  ],
  [
    'Redis',
    async () => {
      const server = await RedisServer.start({ appendOnly: true });
      return {
        log: (timeout) => new RedisLog({ url: server.url, timeout }),
        goAway: () => server.kill(),
        comeBack: () => server.restart(),
        dispose: () => server.stop(),
      };
    },
  ],
];
