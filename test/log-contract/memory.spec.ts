import { MemoryLog } from 'nestjs-sse-hub';
import { logContract } from 'nestjs-sse-hub/testing';

describe('MemoryLog keeps the contract', () => {
  const cases = logContract((retention) => {
    const log = new MemoryLog(retention);
    return Promise.resolve({ log, dispose: () => log.close() });
  });

  for (const { name, run } of cases) {
    it(name, run);
  }
});
