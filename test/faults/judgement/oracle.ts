import type { Complaint } from './complaints.js';
import type { History } from './history.js';
import { judgeClient } from './judge-client.js';
import { judgeLog, judgeRetained } from './judge-log.js';
import { TotalOrder } from './total-order.js';

/**
 * Judges what clients got against what was published. An event's place in the total order is its
 * cursor; what a client is owed lies between the cursor where a span of it began and the last id
 * that it got. A reset ends a span and begins the next one, so it excuses what lies between them, and
 * has to have a cause.
 */
export function judge(history: History): Complaint[] {
  const order = new TotalOrder(history.ledger);
  return [
    ...judgeLog(history, order),
    ...history.clients.flatMap((client) => judgeClient(client, history, order)),
    ...judgeRetained(history, order),
  ];
}
