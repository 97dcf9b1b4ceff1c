import { Logger } from '@nestjs/common';
import { RedisLog } from 'nestjs-sse-hub/redis';
import { logContract } from 'nestjs-sse-hub/testing';
import type { LogContractCase, LogUnderTest } from 'nestjs-sse-hub/testing';
import { RedisServer } from '../support/redis-server.js';

beforeAll(() => Logger.overrideLogger(false));

type Engine = NonNullable<LogUnderTest['engine']>;

function contractWhere(
  engineOf: (server: RedisServer) => Engine,
): readonly LogContractCase[] {
  return logContract(
    async (retention) => {
      const server = await RedisServer.start({ appendOnly: true });
      const logs: RedisLog[] = [];
      const open = (): RedisLog => {
        const log = new RedisLog({
          ...retention,
          url: server.url,
          timeout: 1_000,
        });
        logs.push(log);
        return log;
      };
      const log = open();
      return {
        log,
        another: open,
        restart: async () => {
          await log.close();
          await server.restart();
          return open();
        },
        loseHistory: () => server.flushAll(),
        engine: engineOf(server),
        dispose: async () => {
          await Promise.all(logs.map((one) => one.close()));
          await server.stop();
        },
      };
    },
    { has: ['another', 'restart', 'loseHistory', 'engine'] },
  );
}

describe('RedisLog keeps the contract', () => {
  const cases = contractWhere((server) => ({
    stop: () => server.kill(),
    start: () => server.restart(),
  }));

  for (const { name, run } of cases) {
    it(name, run);
  }
});

describe('RedisLog keeps the contract where the server is frozen, not dead', () => {
  const cases = contractWhere((server) => ({
    stop: () => Promise.resolve(server.freeze()),
    start: () => Promise.resolve(server.thaw()),
  }));

  for (const { name, run } of cases) {
    if (name.startsWith('engine away')) {
      it(name, run);
    }
  }
});
