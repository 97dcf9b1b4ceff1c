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
export type { WaitOptions as SseTestWaitOptions } from './testing/client/waiting.js';

export {
  TEST_EVENT_HUB_OPTIONS,
  TestEventHub,
} from './testing/hub/test-event-hub.js';
export type { TestDisconnect } from './testing/hub/test-event-hub.js';
export type {
  PublishedEvent,
  PublishedRecord,
} from './testing/hub/published-event.js';
export type { TestConnectionOptions } from './testing/hub/test-connection.js';
export type { TestEventHubOptions } from './testing/hub/test-hub-context.js';

export { evictHistory } from './testing/evict-history.js';
export { expireLease } from './testing/expire-lease.js';
export type { ExpiryTarget } from './testing/expire-lease.js';
