import { Logger } from '@nestjs/common';
import { RedisLog } from 'nestjs-sse-hub/redis';
import { logContract } from 'nestjs-sse-hub/testing';
import type { LogContractCase, LogUnderTest } from 'nestjs-sse-hub/testing';
import { RedisServer } from '../support/redis-server.js';

beforeAll(() => Logger.overrideLogger(false));

type Engine = NonNullable<LogUnderTest['engine']>;

const needsEngine = ({ name }: LogContractCase): boolean =>
  name.startsWith('engine away');

/** @param timeout how long the log waits for the server, in milliseconds */
function contractWhere(
  engineOf: (server: RedisServer) => Engine,
  timeout: number,
): readonly LogContractCase[] {
  return logContract(
    async (retention) => {
      const server = await RedisServer.start({ appendOnly: true });
      const logs: RedisLog[] = [];
      const open = (): RedisLog => {
        const log = new RedisLog({
          ...retention,
          url: server.url,
          timeout,
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

const killed = (server: RedisServer): Engine => ({
  stop: () => server.kill(),
  start: () => server.restart(),
});

const frozen = (server: RedisServer): Engine => ({
  stop: () => Promise.resolve(server.freeze()),
  start: () => Promise.resolve(server.thaw()),
});

describe('RedisLog keeps the contract', () => {
  // A machine that is busy may keep the server for a second: only what is away has to be given up soon.
  const present = contractWhere(killed, 5_000).filter(
    (each) => !needsEngine(each),
  );
  const away = contractWhere(killed, 1_000).filter(needsEngine);

  for (const { name, run } of [...present, ...away]) {
    it(name, run);
  }
});

describe('RedisLog keeps the contract where the server is frozen, not dead', () => {
  for (const { name, run } of contractWhere(frozen, 1_000).filter(
    needsEngine,
  )) {
    it(name, run);
  }
});
