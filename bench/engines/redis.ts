import { spawnSync } from 'node:child_process';
import { RedisServer } from '../../test/support/redis-server.js';
import type { EngineKind } from './engine.js';
import { RedisMonitor } from './redis-monitor.js';

/** @param sync when redis-server flushes its file to the disk */
export function redis(sync: 'everysec' | 'always'): EngineKind {
  return {
    start: async () => {
      const server = await RedisServer.start({
        appendOnly: true,
        args: ['--appendfsync', sync],
      });
      // It takes some of the server's time: only who asks has it.
      let monitor: RedisMonitor | undefined;
      return {
        address: server.url,
        durable: true,
        shared: true,
        takeReads: async () => {
          monitor ??= await RedisMonitor.start(server.port);
          return monitor.takeReads();
        },
        stop: async () => {
          monitor?.stop();
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
