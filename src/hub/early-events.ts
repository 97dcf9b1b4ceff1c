import type { Cursor } from '../log/cursor.js';
import type { LogRecord } from '../log/event-log.js';
import { CONTROL_TOPIC } from './control-entry.js';

/** The type of the signal that carries an ephemeral event between nodes. */
export const EPHEMERAL = 'hub.ephemeral';

/** What may wait, and for how long in milliseconds. What is more, or older, is lost as signals may be. */
const LIMITS = { events: 1_000, bytes: 1024 * 1024, wait: 10_000 } as const;

/** An ephemeral event, and behind which of the hub's own entries it was published. */
interface Behind {
  readonly after: Cursor;
  readonly record: LogRecord;
}

interface Waiting extends Behind {
  readonly since: number;
}

/**
 * A signal that carries an ephemeral event to nodes that may not have met yet what the sender has.
 *
 * @param after the newest of the hub's own entries that the sender has met
 */
export function toSignal(record: LogRecord, after: Cursor): LogRecord {
  const behind: Behind = { after, record };
  return {
    topic: CONTROL_TOPIC,
    type: EPHEMERAL,
    data: JSON.stringify(behind),
    time: record.time,
  };
}

/**
 * Ephemeral events that have overtaken an entry of the hub's own on their way to this node: whom
 * that means must not get them, so they wait until the node has met it.
 */
export class EarlyEvents {
  #waiting: Waiting[] = [];
  #bytes = 0;

  /**
   * @param hasMet whether this node has met an entry
   * @param dispatch hands an event on
   * @param now a clock that is never set, in milliseconds
   */
  constructor(
    private readonly hasMet: (entry: Cursor) => boolean,
    private readonly dispatch: (record: LogRecord) => number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Takes what `toSignal` has made.
   * @returns how many have been handed the event, if it needs not wait
   */
  take(text: string): number {
    const { after, record } = JSON.parse(text) as Behind;
    if (this.hasMet(after)) {
      return this.dispatch(record);
    }
    this.#forgetOld();
    const { length } = record.data;
    if (
      this.#waiting.length < LIMITS.events &&
      this.#bytes + length <= LIMITS.bytes
    ) {
      this.#waiting.push({ after, record, since: this.now() });
      this.#bytes += length;
    }
    return 0;
  }

  /** The node has met further entries. */
  release(): void {
    if (this.#waiting.length === 0) {
      return;
    }
    this.#forgetOld();
    const all = this.#waiting;
    this.#keep(all.filter(({ after }) => !this.hasMet(after)));
    for (const { after, record } of all) {
      if (this.hasMet(after)) {
        this.dispatch(record);
      }
    }
  }

  #forgetOld(): void {
    const oldest = this.now() - LIMITS.wait;
    this.#keep(this.#waiting.filter(({ since }) => since > oldest));
  }

  #keep(waiting: Waiting[]): void {
    this.#waiting = waiting;
    this.#bytes = waiting.reduce(
      (sum, { record }) => sum + record.data.length,
      0,
    );
  }
}
