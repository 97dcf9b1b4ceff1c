import type { LogKind } from '../cluster/cluster.js';
import { engineFaults } from './engine-faults.js';
import type { Fault } from './fault.js';
import { nodeFaults } from './node-faults.js';

export const faults: readonly Fault[] = [...nodeFaults, ...engineFaults];

/** The faults that can be made with a log. */
export function faultsOf(log: LogKind): readonly Fault[] {
  return faults.filter(({ logs }) => logs.includes(log));
}
