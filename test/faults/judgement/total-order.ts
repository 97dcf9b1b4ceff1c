import { epochOf } from './ledger.js';
import type { Ledger } from './ledger.js';

/** All known places of each history, by cursor: byte order is the log's order. */
export class TotalOrder {
  /** The histories in the order of time. */
  readonly epochs: readonly string[];
  readonly #places = new Map<string, number[]>();
  readonly #ranks: Uint32Array;

  constructor(private readonly ledger: Ledger) {
    this.epochs = [...ledger.epochs.keys()];
    const { places } = ledger;
    for (const [place, { cursor }] of places.entries()) {
      const epoch = epochOf(cursor);
      const list = this.#places.get(epoch);
      if (list === undefined) {
        this.#places.set(epoch, [place]);
      } else {
        list.push(place);
      }
    }
    this.#ranks = new Uint32Array(places.length);
    for (const list of this.#places.values()) {
      list.sort((a, b) => compare(places[a]!.cursor, places[b]!.cursor));
      list.forEach((place, rank) => (this.#ranks[place] = rank));
    }
  }

  /** The places of one history, in its order. */
  of(epoch: string): readonly number[] {
    return this.#places.get(epoch) ?? [];
  }

  /** A place's position in its history. */
  rank(place: number): number {
    return this.#ranks[place]!;
  }

  /** How many places of a history have a cursor up to this one. */
  upTo(epoch: string, cursor: string): number {
    const list = this.of(epoch);
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ledger.places[list[middle]!]!.cursor <= cursor) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
