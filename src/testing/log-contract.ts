import { abilityCase } from './log-contract/abilities.js';
import { absenceCases } from './log-contract/absence.js';
import { appendCases } from './log-contract/append.js';
import { closingCases } from './log-contract/closing.js';
import { epochCases } from './log-contract/epochs.js';
import { fidelityCases } from './log-contract/fidelity.js';
import { idempotencyCases } from './log-contract/idempotency.js';
import { orderCases } from './log-contract/order.js';
import { pageCases } from './log-contract/pages.js';
import { retentionCases } from './log-contract/retention.js';
import { signalCases } from './log-contract/signals.js';
import { tailCases } from './log-contract/tails.js';
import type { ContractCase } from './log-contract/trial.js';
import { Trial } from './log-contract/trial.js';
import type { LogUnderTest, OpenLogUnderTest } from './log-under-test.js';

/** What `logContract` needs to know before it has a log. */
export interface LogContractOptions {
  /**
   * Which members of `LogUnderTest` every log under test has; the cases that need another one are
   * left out. A shared log has `another`, a durable one `restart`: a case of its own fails when
   * one is forgotten here.
   * @default [] (a log of one process, as the memory log)
   */
  readonly has?: readonly (keyof Omit<LogUnderTest, 'log' | 'dispose'>)[];
  /**
   * Repeats the random parts of a run; the message of a case that fails says it.
   * @default another one each time
   */
  readonly seed?: number;
  /**
   * How long whatever has to come may take, in milliseconds; also the bound in which methods have
   * to settle while the engine is away. Give it less than the test runner's own.
   * @default 15_000
   */
  readonly patience?: number;
}

/** One promise of the log contract. */
export interface LogContractCase {
  /** The promise. */
  readonly name: string;
  /** Puts it to the test, on a log of its own; rejects when it is broken. */
  readonly run: () => Promise<void>;
}

/**
 * The log contract (`EventLog`) as a list of cases, for any test runner. Each takes a fresh log and
 * disposes of it.
 *
 * @example
 * ```ts
 * describe('MyLog', () => {
 *   for (const { name, run } of logContract(openMyLog, { has: ['restart'] })) {
 *     it(name, run);
 *   }
 * });
 * ```
 */
export function logContract(
  open: OpenLogUnderTest,
  options: LogContractOptions = {},
): readonly LogContractCase[] {
  const { has = [], patience = 15_000 } = options;
  const { seed = Math.floor(Math.random() * 2 ** 31) } = options;
  return [
    abilityCase(has),
    ...orderCases,
    ...appendCases,
    ...idempotencyCases,
    ...retentionCases,
    ...pageCases,
    ...tailCases,
    ...signalCases,
    ...fidelityCases,
    ...epochCases,
    ...absenceCases,
    ...closingCases,
  ]
    .filter(({ needs = [] }) => needs.every((need) => has.includes(need)))
    .map((contractCase: ContractCase) => ({
      name: contractCase.name,
      run: () => Trial.run(contractCase, open, { seed, patience }),
    }));
}
