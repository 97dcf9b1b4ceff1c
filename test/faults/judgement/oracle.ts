import type { ClientRecord, Span, ToldReset } from './client-record.js';
import { epochOf } from './ledger.js';
import type { Ledger } from './ledger.js';
import type { Losses } from './losses.js';
import { TotalOrder } from './total-order.js';

/** Which promise was broken. */
export type Rule =
  /** An acknowledged event that a client should have got and has not. */
  | 'lost'
  /** One event twice. */
  | 'doubled'
  /** Not in the log's order. */
  | 'order'
  /** A publish that failed, whose event some clients have and others, or the log, have not. */
  | 'unequal'
  /** History is gone, and the client was not told. */
  | 'silent gap'
  /** The client was told that history is gone, and it is not. */
  | 'needless reset'
  /** A client has not got the last event. */
  | 'not converged'
  /** An event has no id, or a wrong one. */
  | 'id'
  /** What the log retains is not what was published and delivered. */
  | 'retained'
  /** What the run itself has seen: a stream that the server ended, a slow failure, a missing heartbeat… */
  | 'conduct';

export interface Complaint {
  readonly rule: Rule;
  readonly text: string;
}

/** All that is judged. */
export interface History {
  readonly ledger: Ledger;
  readonly clients: readonly ClientRecord[];
  readonly losses: Losses;
  /** The events that the log has in the end, in its order. */
  readonly retained?: readonly number[];
}

/** Complaints of one kind and client that are told; more would say no more. */
const TOLD = 3;

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

/** What is wrong with the log itself, whoever reads it. */
function judgeLog(history: History, order: TotalOrder): Complaint[] {
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

function judgeClient(
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
  { reason, lost }: ToldReset,
  { from }: Span,
  before: Span | undefined,
  { losses }: History,
  order: TotalOrder,
  complaints: Complaints,
): void {
  const what = `was told "${reason}" at ${lost}, to go on from ${from}`;
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
  const trimmed = losses.floors.some(
    (floor) => epochOf(floor) === now && floor > lost,
  );
  if (!trimmed) {
    complaints.add('needless reset', `${what}, and nothing was lost there`);
  } else if (from < before.to) {
    complaints.add('doubled', `${what}, behind ${before.to}, where it was`);
  }
}

/** What the log has in the end is the end of the total order. */
function judgeRetained(
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

/** Complaints about one party, the first of each rule in words. */
class Complaints {
  readonly #byRule = new Map<Rule, string[]>();

  constructor(private readonly party: string) {}

  add(rule: Rule, text: string): void {
    const texts = this.#byRule.get(rule) ?? [];
    texts.push(text);
    this.#byRule.set(rule, texts);
  }

  get list(): Complaint[] {
    return Array.from(this.#byRule, ([rule, texts]) => [
      ...texts
        .slice(0, TOLD)
        .map((text) => ({ rule, text: `${this.party} ${text}` })),
      ...(texts.length > TOLD
        ? [{ rule, text: `${this.party}: ${texts.length - TOLD} more` }]
        : []),
    ]).flat();
  }
}
