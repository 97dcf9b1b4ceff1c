import { Complaints } from './complaints.js';
import type { Complaint } from './complaints.js';
import type { History } from './history.js';
import { epochOf } from './ledger.js';
import type { TotalOrder } from './total-order.js';

/** What is wrong with the log itself, whoever reads it. */
export function judgeLog(history: History, order: TotalOrder): Complaint[] {
  const { ledger, losses } = history;
  const complaints = new Complaints('The log');
  order.epochs.forEach((epoch, index) => {
    const losing = losses.histories.filter(
      (time) => time <= ledger.epochs.get(epoch)!,
    );
    if (index > losing.length) {
      complaints.add(
        'needless reset',
        `began history ${index + 1} (${epoch}) after ${losing.length} losses`,
      );
    }
  });
  const lastOf = new Map<number, { epoch: number; rank: number }>();
  for (const epoch of order.epochs) {
    const seen = new Map<number, string>();
    let before = '';
    for (const place of order.of(epoch)) {
      const { event, cursor } = ledger.places[place]!;
      if (cursor === before) {
        complaints.add('id', `has two events at ${cursor}`);
      }
      const earlier = seen.get(event);
      if (earlier !== undefined && !isFree(event, earlier, history)) {
        complaints.add(
          'doubled',
          `has event ${event} twice, the second time at ${cursor}`,
        );
      }
      seen.set(event, cursor);
      before = cursor;
    }
  }
  // A worker publishes one event after the other has been acknowledged.
  ledger.published.forEach(({ worker, place }, event) => {
    if (place === undefined) {
      return;
    }
    const epoch = order.epochs.indexOf(epochOf(ledger.places[place]!.cursor));
    const rank = order.rank(place);
    const last = lastOf.get(worker);
    if (
      last !== undefined &&
      (epoch < last.epoch || (epoch === last.epoch && rank <= last.rank))
    ) {
      complaints.add(
        'order',
        `has event ${event} of worker ${worker} before an earlier one of its`,
      );
    }
    lastOf.set(worker, { epoch, rank });
  });
  return complaints.list;
}

/** Whether a key can be used again, because the entry that had it is trimmed. */
function isFree(
  event: number,
  cursor: string,
  { ledger, losses }: History,
): boolean {
  return (
    ledger.published[event]!.keyed &&
    losses.floors.some(
      (floor) => epochOf(floor) === epochOf(cursor) && floor >= cursor,
    )
  );
}

/** What the log has in the end is the end of the total order. */
export function judgeRetained(
  { ledger, retained }: History,
  order: TotalOrder,
): Complaint[] {
  const complaints = new Complaints('The log');
  if (retained === undefined) {
    return [];
  }
  const known = order
    .of(order.epochs.at(-1) ?? '')
    .map((place) => ledger.places[place]!.event);
  // What is older in the log may be trimmed, or an earlier history's that it has kept.
  const common = Math.min(known.length, retained.length);
  for (let back = 1; back <= common; back++) {
    const [has, owes] = [retained.at(-back), known.at(-back)];
    if (has !== owes) {
      complaints.add(
        'retained',
        `retains event ${has} where clients and publishers have ${owes}, ${back} from its end`,
      );
    }
  }
  if (common === 0 && known.length > 0) {
    complaints.add('retained', 'retains nothing');
  }
  return complaints.list;
}
