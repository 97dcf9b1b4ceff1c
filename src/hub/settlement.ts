import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventLog } from '../log/event-log.js';
import { CONTROL_TOPIC } from './control-entry.js';
import type { Dispatcher } from './dispatcher.js';
import type { InWork } from './in-work.js';

const MARK = 'hub.mark';

/** Finds out when a node has dispatched what was published before; for tests, which else would sleep. */
export class Settlement {
  readonly #marks = new Map<string, () => void>();

  constructor(
    private readonly log: Pick<EventLog, 'bounds' | 'signal'>,
    private readonly dispatcher: Pick<Dispatcher, 'position'>,
    private readonly publishing: InWork,
  ) {}

  /** Takes a signal, which may be a mark. */
  receive(type: string, text: string): void {
    if (type === MARK) {
      this.#marks.get(text)?.();
    }
  }

  /**
   * Resolves when everything was dispatched that was published before the call.
   *
   * @throws LogUnavailableException
   */
  async reached(): Promise<void> {
    await this.publishing.ended();
    const { head } = await this.log.bounds();
    await this.#markMet();
    while (this.dispatcher.position < head) {
      await nextTurn();
    }
    // Ephemeral events that had come too early go out behind the entry that they waited for.
    await nextTurn();
  }

  /** Ephemeral events are no entries, and no head tells of them: one is sent behind them. */
  async #markMet(): Promise<void> {
    const data = JSON.stringify(randomUUID());
    const met = new Promise<void>((resolve) => this.#marks.set(data, resolve));
    try {
      await this.log.signal([
        { topic: CONTROL_TOPIC, type: MARK, data, time: Date.now() },
      ]);
      await met;
    } finally {
      this.#marks.delete(data);
    }
  }
}
