import type { TrialOptions } from './trial.js';

type Scale = Omit<TrialOptions, 'log' | 'seed' | 'program' | 'tell'>;

/** As a user has it: the log's own timeout, and faults that last longer than that. */
export const LONG: Scale = {
  clients: 20,
  workers: 4,
  scale: 1,
  timeout: 5_000,
  maxEvents: 200_000,
  heartbeat: 1_000,
  retry: 300,
  stallTimeout: 3_000,
};

/** Each fault once, and short. */
export const SHORT: Scale = {
  ...LONG,
  workers: 2,
  scale: 0.25,
  timeout: 1_000,
  heartbeat: 300,
  retry: 100,
  stallTimeout: 1_000,
};
