import type { LogKind } from '../cluster/cluster.js';
import type { Trial } from '../trial.js';
import type { Dice } from './dice.js';

/** Something that goes wrong, and is well again when `run` resolves. */
export interface Fault {
  readonly name: string;
  /** Two faults at a time are of two kinds. */
  readonly at: 'engine' | 'nodes' | 'network' | 'clients';
  /** No other fault is made at the same time. */
  readonly alone?: true;
  /** The logs with which it can be made. */
  readonly logs: readonly LogKind[];
  readonly run: (trial: Trial, dice: Dice) => Promise<void>;
}

export const REDIS: readonly LogKind[] = ['redis'];
export const DURABLE: readonly LogKind[] = ['redis', 'sqlite'];
export const ALL: readonly LogKind[] = ['redis', 'sqlite', 'memory'];
