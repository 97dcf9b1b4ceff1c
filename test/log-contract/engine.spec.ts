import { logContract } from 'nestjs-sse-hub/testing';
import { underTest } from './memory-engine.js';

describe('An engine that is shared and durable keeps the contract', () => {
  const cases = logContract(
    (retention) => Promise.resolve(underTest(retention)),
    { has: ['another', 'restart', 'loseHistory', 'engine'] },
  );

  for (const { name, run } of cases) {
    it(name, run);
  }
});
