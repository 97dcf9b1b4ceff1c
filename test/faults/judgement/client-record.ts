import { epochOf } from './ledger.js';
import type { Ledger } from './ledger.js';

/** A notice that history is gone, as the client got it. */
export interface ToldReset {
  readonly reason: string;
  /** Where the server thinks that the client was; `null` for a cursor that was none. */
  readonly lost: string | null;
  readonly time: number;
}

/** What a client got between two resets: it must be all there is between two cursors. */
export interface Span {
  /** What comes after this is owed. */
  readonly from: string;
  /** What comes up to here is owed: the last id that the client has got. */
  to: string;
  /** Its deliveries, by their numbers. */
  readonly begin: number;
  end: number;
  /** What it began with. */
  readonly reset?: ToldReset;
}

/** What one client got, in the order in which it got it. */
export class ClientRecord {
  readonly spans: Span[] = [];
  /** What is wrong at first sight. */
  readonly flaws: string[] = [];
  #deliveries = new Uint32Array(1_024);
  #count = 0;

  constructor(
    readonly name: string,
    /** Which events its topics have. */
    readonly selects: (event: number) => boolean,
    private readonly ledger: Ledger,
  ) {}

  /** How many events it got. */
  get count(): number {
    return this.#count;
  }

  /** The last id that it got. */
  get reached(): string | undefined {
    return this.spans.at(-1)?.to;
  }

  /** The places of the events, as the ledger numbers them. */
  deliveries({ begin, end }: Span): Uint32Array {
    return this.#deliveries.subarray(begin, end);
  }

  event(event: number, cursor: string | undefined): void {
    const span = this.spans.at(-1);
    if (cursor === undefined || span === undefined) {
      this.flaws.push(
        cursor === undefined
          ? `event ${event} came without an id`
          : `event ${event} came before the first checkpoint`,
      );
      return;
    }
    this.#push(this.ledger.place(event, cursor));
    span.to = cursor;
    span.end = this.#count;
  }

  /** A frame that moves the client's cursor and carries nothing. */
  checkpoint(cursor: string): void {
    this.ledger.seen(cursor);
    const span = this.spans.at(-1);
    if (span === undefined) {
      this.#open(cursor);
      return;
    }
    if (epochOf(cursor) !== epochOf(span.to)) {
      this.flaws.push(
        `a checkpoint moved its cursor from ${span.to} to ${cursor}, another history, without a reset`,
      );
    } else if (cursor < span.to) {
      this.flaws.push(
        `a checkpoint moved its cursor back from ${span.to} to ${cursor}`,
      );
    }
    span.to = cursor;
  }

  reset(cursor: string, reset: Omit<ToldReset, 'time'>): void {
    this.ledger.seen(cursor);
    this.#open(cursor, { ...reset, time: Date.now() });
  }

  #open(from: string, reset?: ToldReset): void {
    const at = this.#count;
    this.spans.push({ from, to: from, begin: at, end: at, reset });
  }

  #push(place: number): void {
    if (this.#count === this.#deliveries.length) {
      const longer = new Uint32Array(this.#count * 2);
      longer.set(this.#deliveries);
      this.#deliveries = longer;
    }
    this.#deliveries[this.#count++] = place;
  }
}
