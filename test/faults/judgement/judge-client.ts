import type { ClientRecord, Span, ToldReset } from './client-record.js';
import { Complaints } from './complaints.js';
import type { Complaint } from './complaints.js';
import type { History } from './history.js';
import { epochOf } from './ledger.js';
import type { Ledger } from './ledger.js';
import type { TotalOrder } from './total-order.js';

/** What is wrong with what one client got. */
export function judgeClient(
  client: ClientRecord,
  history: History,
  order: TotalOrder,
): Complaint[] {
  const { ledger } = history;
  const complaints = new Complaints(client.name);
  for (const flaw of client.flaws) {
    complaints.add(flaw.startsWith('a checkpoint') ? 'silent gap' : 'id', flaw);
  }
  client.spans.forEach((span, index) => {
    judgeSpan(client, span, ledger, order, complaints);
    if (span.reset !== undefined) {
      const before = client.spans[index - 1];
      judgeReset(span.reset, span, before, history, order, complaints);
    }
  });
  judgeDoubles(client, ledger, complaints);
  const last = client.spans.at(-1);
  const newest = order
    .of(order.epochs.at(-1) ?? '')
    .findLast((place) => client.selects(ledger.places[place]!.event));
  if (newest !== undefined) {
    const { cursor } = ledger.places[newest]!;
    if (
      last === undefined ||
      epochOf(last.to) !== epochOf(cursor) ||
      last.to < cursor
    ) {
      complaints.add(
        'not converged',
        `has got as far as ${last?.to}, and the log to ${cursor}`,
      );
    }
  }
  return complaints.list;
}

/** Everything between two cursors, once and in order. */
function judgeSpan(
  client: ClientRecord,
  span: Span,
  ledger: Ledger,
  order: TotalOrder,
  complaints: Complaints,
): void {
  const epoch = epochOf(span.from);
  const owed = order.of(epoch);
  let next = order.upTo(epoch, span.from);
  const begin = next;
  const missing = new Set<number>();
  const skipTo = (rank: number): void => {
    for (; next < rank; next++) {
      if (client.selects(ledger.places[owed[next]!]!.event)) {
        missing.add(owed[next]!);
      }
    }
  };
  for (const place of client.deliveries(span)) {
    const { event, cursor } = ledger.places[place]!;
    const rank = order.rank(place);
    if (epochOf(cursor) !== epoch) {
      complaints.add(
        'silent gap',
        `got event ${event} at ${cursor} without a reset, in the middle of ${epoch}`,
      );
      return;
    }
    if (!client.selects(event)) {
      complaints.add('id', `got event ${event}, which its topics do not have`);
    }
    if (rank >= next) {
      skipTo(rank);
      next = rank + 1;
    } else if (missing.delete(place)) {
      complaints.add('order', `got event ${event} at ${cursor} too late`);
    } else {
      complaints.add(
        'doubled',
        rank < begin
          ? `got event ${event} at ${cursor}, which is not after ${span.from}`
          : `got event ${event} at ${cursor} twice`,
      );
    }
  }
  if (epochOf(span.to) === epoch) {
    skipTo(order.upTo(epoch, span.to));
  }
  for (const place of missing) {
    const { event, cursor } = ledger.places[place]!;
    const { acknowledged } = ledger.published[event]!;
    complaints.add(
      acknowledged ? 'lost' : 'unequal',
      `has not got event ${event} at ${cursor}, between ${span.from} and ${span.to}${acknowledged ? '' : ', which others have'}`,
    );
  }
}

/**
 * No event comes again after a reset: histories may share their past. One with a key is published again
 * when the first was lost.
 */
function judgeDoubles(
  client: ClientRecord,
  ledger: Ledger,
  complaints: Complaints,
): void {
  const spanOf = new Uint32Array(ledger.published.length);
  client.spans.forEach((span, index) => {
    for (const place of client.deliveries(span)) {
      const { event, cursor } = ledger.places[place]!;
      const before = spanOf[event]!;
      if (before > 0 && before !== index + 1 && !ledger.published[event]!.keyed)
        complaints.add(
          'doubled',
          `got event ${event} at ${cursor} again, after a reset`,
        );
      spanOf[event] = index + 1;
    }
  });
}

/** A reset has a cause, and moves the client forward. */
function judgeReset(
  { reason, lost, time }: ToldReset,
  { from }: Span,
  before: Span | undefined,
  { losses, ledger }: History,
  order: TotalOrder,
  complaints: Complaints,
): void {
  const seconds = ((time - ledger.begun) / 1_000).toFixed(1);
  const what = `was told "${reason}" at ${lost}, to go on from ${from}, after ${seconds} s`;
  if (lost === null || before === undefined) {
    complaints.add('needless reset', `${what}, without a cursor of its own`);
    return;
  }
  const [old, now] = [before.to, from].map(epochOf) as [string, string];
  if (old !== now) {
    if (order.epochs.indexOf(now) < order.epochs.indexOf(old)) {
      complaints.add('needless reset', `${what}, a history that was lost`);
    }
    return;
  }
  // A node that has met less than was lost sees it by the cursors of clients, and no other history begins yet.
  const isTailLost = losses.tails.some(
    (tail) => tail.epoch === now && tail.time <= time,
  );
  if (reason === 'unknown' && isTailLost && from < lost) {
    return;
  }
  const trimmed = losses.floors.some(
    (floor) => epochOf(floor) === now && floor > lost,
  );
  if (!trimmed) {
    complaints.add('needless reset', `${what}, and nothing was lost there`);
  } else if (from < before.to) {
    complaints.add('doubled', `${what}, behind ${before.to}, where it was`);
  }
}
