import { spawnSync } from 'node:child_process';
import { createClient } from 'redis';
import { RedisServer } from '../../test/support/redis-server.js';
import type { EngineKind } from './engine.js';

/** @param sync when redis-server flushes its file to the disk */
export function redis(sync: 'everysec' | 'always'): EngineKind {
  return {
    start: async () => {
      const server = await RedisServer.start({
        appendOnly: true,
        args: ['--appendfsync', sync],
      });
      const client = await createClient({ url: server.url }).connect();
      return {
        address: server.url,
        durable: true,
        commands: async () =>
          readCommandStats(await client.info('commandstats')),
        stop: async () => {
          client.destroy();
          await server.stop();
        },
      };
    },
    missing: () =>
      spawnSync('redis-server', ['--version']).status === 0
        ? undefined
        : 'redis-server is not on the PATH',
  };
}

/** Lines like `cmdstat_xrange:calls=3,usec=41,…`. */
function readCommandStats(info: string): Record<string, number> {
  const lines = info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return Object.fromEntries(
    Array.from(lines, ([, name, calls]) => [name, Number(calls)]),
  );
}
