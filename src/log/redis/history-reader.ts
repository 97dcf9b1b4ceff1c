import { Logger } from '@nestjs/common';
import type { TailBatch } from '../event-log.js';
import type { Chain } from './chain.js';
import type { Connector } from './connector.js';
import { toCursor } from './position.js';
import type { StreamId } from './position.js';
import type { RedisConnection } from './redis-connection.js';
import type { RedisLink } from './redis-link.js';
import type { ScriptCaller } from './script-caller.js';
import { CONFIRM } from './scripts.js';
import type { RawEntry } from './stored-entry.js';

/** How long the server lets a read wait for entries, in milliseconds: so long, or up to half longer by chance. */
const BLOCK = 1_000;

/** After how long under traffic the history is confirmed all the same, in milliseconds. */
const CONFIRM_EVERY = 5_000;

/** How many entries one read takes: as many as have about this many bytes of data, as far as the last ones tell. */
const COUNT = { first: 16, most: 128, bytes: 512 * 1024 } as const;

/** Reads on from a place in the history, for ever, and confirms it whenever it may have changed. */
export class HistoryReader {
  readonly #logger = new Logger('RedisLog');
  #count: number = COUNT.first;
  #floor: StreamId | undefined;
  #hasWarned = false;

  constructor(
    private readonly connector: Connector,
    private readonly connection: RedisConnection,
    private readonly scripts: ScriptCaller,
    private readonly chain: Chain,
  ) {}

  /** Ends when the connection is closed. */
  async *batches(): AsyncGenerator<TailBatch, void> {
    let confirmedOn: RedisLink | undefined;
    let confirmedAt = 0;
    for (;;) {
      const link = await this.connection.link().catch(() => undefined);
      if (link === undefined) {
        return;
      }
      try {
        if (link !== confirmedOn || Date.now() - confirmedAt > CONFIRM_EVERY) {
          yield* this.#confirm(link);
          confirmedOn = link;
          confirmedAt = Date.now();
        }
        const raw = await this.#wait(link);
        const { entries, isDoubtful, hasForeign } = this.chain.take(raw);
        if (entries.length > 0) {
          yield { records: entries };
        }
        if (hasForeign) {
          this.#warn();
        }
        if (isDoubtful || raw.length === 0) {
          confirmedOn = undefined;
        }
      } catch (error) {
        // Whatever it is, it may be another on the next connection, which comes with back-off.
        link.destroy(error as Error);
      }
    }
  }

  async *#confirm(link: RedisLink): AsyncGenerator<TailBatch, void> {
    const { epoch, position } = this.chain;
    const [now, floor, from] = await this.scripts.call<
      [epoch: string, floor: StreamId, from: StreamId]
    >(link, CONFIRM, [epoch, position], epoch);
    const gap = this.chain.confirm({ epoch: now, floor, from });
    if (gap !== undefined) {
      yield { gap };
    } else if (floor !== this.#floor) {
      yield { records: [], floor: toCursor(now, floor) };
    }
    this.#floor = floor;
  }

  /** The next entries; none when none came for a while. */
  async #wait(link: RedisLink): Promise<readonly RawEntry[]> {
    const block = Math.ceil(BLOCK * (1 + Math.random() / 2));
    const reply = (await link.send(
      [
        'XREAD',
        'COUNT',
        String(this.#count),
        'BLOCK',
        String(block),
        'STREAMS',
        this.connector.keys[0],
        this.chain.offset,
      ],
      block + this.connector.timeout,
    )) as StreamsReply | null;
    const entries = reply === null ? [] : entriesOf(reply);
    this.#adapt(entries);
    return entries;
  }

  #adapt(entries: readonly RawEntry[]): void {
    const bytes = entries.reduce(
      (sum, [, fields]) => sum + (fields.at(-1)?.length ?? 0),
      0,
    );
    const fit = Math.floor((entries.length * COUNT.bytes) / (bytes + 1));
    if (bytes > COUNT.bytes) {
      this.#count = Math.max(1, fit);
    } else if (entries.length === this.#count) {
      this.#count = Math.min(COUNT.most, this.#count * 2, Math.max(1, fit));
    }
  }

  #warn(): void {
    if (!this.#hasWarned) {
      this.#hasWarned = true;
      this.#logger.error(
        `The stream ${this.connector.keys[0]} at ${this.connector.address} has entries that are not of this log; they are passed over. Something else adds to it: give one of the two another name ("stream").`,
      );
    }
  }
}

/** A map, or with RESP 2 a list of pairs. */
type StreamsReply =
  | Readonly<Record<string, readonly RawEntry[]>>
  | readonly (readonly [stream: string, entries: readonly RawEntry[]])[];

function entriesOf(reply: StreamsReply): readonly RawEntry[] {
  return Array.isArray(reply)
    ? (reply as readonly (readonly [string, readonly RawEntry[]])[])[0]![1]
    : Object.values(reply as Record<string, readonly RawEntry[]>)[0]!;
}
