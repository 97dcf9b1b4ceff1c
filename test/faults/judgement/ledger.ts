/** An event where it was seen in the log: acknowledged under this cursor, or delivered under it. */
export interface Place {
  readonly event: number;
  readonly cursor: string;
}

/** What is known of a publish. */
export interface Published {
  readonly worker: number;
  /** Whether it carries an idempotency key and is repeated until it is acknowledged. */
  readonly keyed: boolean;
  /** The answer was 2xx. A publish without an answer, or with another one, may be in the log or not. */
  acknowledged: boolean;
  /** The place that the answer has told. */
  place?: number;
}

/** Every event of a run: who published it, what was answered, and under which cursors it was seen. */
export class Ledger {
  readonly published: Published[] = [];
  readonly places: Place[] = [];
  /** The first place of each event, from 1; 0 is none. Nearly all events have one. */
  readonly #first: number[] = [];
  readonly #others = new Map<number, number[]>();
  /** When each history was first seen, in the order of time. */
  readonly epochs = new Map<string, number>();

  /** @returns the event's number, which its data carries */
  publish(worker: number, keyed: boolean): number {
    this.#first.push(0);
    return this.published.push({ worker, keyed, acknowledged: false }) - 1;
  }

  acknowledge(event: number, cursor: string): void {
    const published = this.published[event]!;
    published.acknowledged = true;
    published.place = this.place(event, cursor);
  }

  /** @returns the number of the place */
  place(event: number, cursor: string): number {
    const first = this.#first[event];
    if (first === undefined) {
      throw new Error(`Nobody has published an event ${event}.`);
    }
    if (first === 0) {
      const place = this.#add(event, cursor);
      this.#first[event] = place + 1;
      return place;
    }
    if (this.places[first - 1]!.cursor === cursor) {
      return first - 1;
    }
    return this.#another(event, cursor);
  }

  /** The cursor under which an event is known, if it is; the newest when there are several. */
  cursorOf(event: number): string | undefined {
    const others = this.#others.get(event);
    const place = others?.at(-1) ?? (this.#first[event] ?? 0) - 1;
    return this.places[place]?.cursor;
  }

  /** Notes a history that shows itself by a cursor. */
  seen(cursor: string): void {
    const epoch = epochOf(cursor);
    if (!this.epochs.has(epoch)) {
      this.epochs.set(epoch, Date.now());
    }
  }

  #another(event: number, cursor: string): number {
    let others = this.#others.get(event);
    if (others === undefined) {
      this.#others.set(event, (others = []));
    }
    const known = others.find((place) => this.places[place]!.cursor === cursor);
    if (known !== undefined) {
      return known;
    }
    const place = this.#add(event, cursor);
    others.push(place);
    return place;
  }

  #add(event: number, cursor: string): number {
    this.seen(cursor);
    // A copy: the text that a client has parsed is cut out of a chunk, which would stay in memory.
    const copy = Buffer.from(cursor, 'latin1').toString('latin1');
    return this.places.push({ event, cursor: copy }) - 1;
  }
}

/** What stands before a cursor's first dash. */
export function epochOf(cursor: string): string {
  return cursor.slice(0, cursor.indexOf('-'));
}
