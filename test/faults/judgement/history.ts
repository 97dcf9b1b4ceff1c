import type { ClientRecord } from './client-record.js';
import type { Ledger } from './ledger.js';
import type { Losses } from './losses.js';

/** All that is judged. */
export interface History {
  readonly ledger: Ledger;
  readonly clients: readonly ClientRecord[];
  readonly losses: Losses;
  /** The events that the log has in the end, in its order. */
  readonly retained?: readonly number[];
}
