export { logContract } from './testing/log-contract.js';
export type {
  LogContractCase,
  LogContractOptions,
} from './testing/log-contract.js';
export type {
  LogUnderTest,
  OpenLogUnderTest,
} from './testing/log-under-test.js';

export {
  SseTestClient,
  closeSseTestClients,
  setSseTestTimeout,
} from './testing/client/sse-test-client.js';
export {
  SseTestException,
  SseTestTimeoutException,
} from './testing/client/sse-test.exceptions.js';
export type { SseTestClientOptions } from './testing/client/stream-request.js';
export type { SseTestEvent } from './testing/client/sse-test-event.js';
export type { StreamEnd } from './testing/client/stream-end.js';
