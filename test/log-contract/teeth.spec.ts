import { type LogContractCase, logContract } from 'nestjs-sse-hub/testing';
import { ABSENCE } from './broken/engine-absence.js';
import { EPOCHS } from './broken/engine-epochs.js';
import { NODES } from './broken/engine-nodes.js';
import { IDEMPOTENCY } from './broken/log-idempotency.js';
import { ORDER } from './broken/log-order.js';
import { PAGES } from './broken/log-pages.js';
import { REST } from './broken/log-rest.js';
import { RETENTION } from './broken/log-retention.js';
import { TAILS } from './broken/log-tails.js';
import { underTest } from './memory-engine.js';

/** Whatever does not come from a broken log does not come later either. */
const patience = 400;

describe('A log of one process that', () => {
  it.each(
    Object.entries({
      ...ORDER,
      ...IDEMPOTENCY,
      ...RETENTION,
      ...PAGES,
      ...TAILS,
      ...REST,
    }),
  )('%s does not pass', async (_, { breaks, Log }) => {
    const cases = logContract(
      (retention) => {
        const log = new Log(retention);
        return Promise.resolve({ log, dispose: () => log.close() });
      },
      { patience },
    );

    await expectBroken(cases, breaks);
  });
});

describe('A shared and durable log that', () => {
  it.each(Object.entries({ ...NODES, ...EPOCHS, ...ABSENCE }))(
    '%s does not pass',
    async (_, { breaks, Node }) => {
      const cases = logContract(
        (retention) => Promise.resolve(underTest(retention, Node)),
        { patience, has: ['another', 'restart', 'loseHistory', 'engine'] },
      );

      await expectBroken(cases, breaks);
    },
  );
});

/** The case fails, and says which promise it is and how to repeat it. */
async function expectBroken(
  cases: readonly LogContractCase[],
  breaks: string,
): Promise<void> {
  const found = cases.find(({ name }) => name === breaks);
  expect(found?.name).toBe(breaks);
  const error = await found!.run().then(
    () => new Error('it passes'),
    (reason: Error) => reason,
  );
  expect(error.message).toContain(breaks);
  expect(error.message).toMatch(/seed \d+/);
  // A broken log that is itself in error proves nothing.
  const { name } = error.cause as Error;
  expect(['AssertionError', 'LogUnavailableException']).toContain(name);
}
