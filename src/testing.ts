export { logContract } from './testing/log-contract.js';
export type {
  LogContractCase,
  LogContractOptions,
} from './testing/log-contract.js';
export type {
  LogUnderTest,
  OpenLogUnderTest,
} from './testing/log-under-test.js';
