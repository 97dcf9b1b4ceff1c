export type {
  LogUnderTest,
  OpenLogUnderTest,
} from './testing/log-under-test.js';
