import { setTimeout as delay } from 'node:timers/promises';
import { LogUnavailableException, MemoryLog } from 'nestjs-sse-hub';
import type {
  Cursor,
  EventLog,
  LogBounds,
  LogCapabilities,
  LogEntry,
  LogGap,
  LogHealth,
  LogPage,
  LogPageLimit,
  LogRecord,
  MemoryLogOptions,
  TailBatch,
} from 'nestjs-sse-hub';

const EVERYTHING = { events: Infinity, bytes: Infinity };

const epochOf = (cursor: Cursor): string => cursor.split('-')[0]!;

/** An entry of a history that was lost, and what it is in the one that goes on from it. */
interface Kept {
  readonly was: Cursor;
  readonly is: Cursor;
}

/**
 * A history in memory that the nodes of a test share, as they share an engine: it survives them. Faults
 * happen when the test says so, and nowhere else.
 */
export class SharedHistory {
  #log: MemoryLog;
  readonly #nodes = new Set<SharedLog>();
  /** Of a history that ended, what the one after it has kept. */
  readonly #kept = new Map<string, readonly Kept[]>();
  readonly #forgotten = new Set<Cursor>();
  #trimmed: Cursor = '';

  constructor(private readonly retention: MemoryLogOptions = {}) {
    this.#log = new MemoryLog(retention);
  }

  /** A log of its own for one node. A node that starts again takes another. */
  node(): SharedLog {
    const node = new SharedLog(this);
    this.#nodes.add(node);
    return node;
  }

  /** The engine is away, for all nodes. */
  goAway(isNoticed = true): void {
    this.#nodes.forEach((node) => node.goAway(isNoticed));
  }

  comeBack(): void {
    this.#nodes.forEach((node) => node.comeBack());
  }

  /** Everything up to an entry goes, as by retention. */
  trim(through: Cursor): void {
    this.#trimmed = through;
  }

  /** The engine comes back empty, as a flushed one or one without persistence. */
  loseHistory(): void {
    this.#log = new MemoryLog(this.retention);
    this.#trimmed = '';
    this.changed();
  }

  /** The newest entries are lost, and a node that has seen them has noticed: a new epoch. */
  async loseTail(count: number): Promise<void> {
    const { epoch } = await this.bounds();
    const all = await this.#entries();
    const kept = all.slice(0, all.length - count);
    this.loseHistory();
    const now = await this.#log.append(kept);
    this.#kept.set(
      epoch,
      kept.map(({ cursor }, i) => ({ was: cursor, is: now[i]!.cursor })),
    );
    this.changed();
  }

  /** The newest entries are lost, and nobody is left who knew them: the epoch stays. */
  async forgetTail(count: number): Promise<void> {
    const all = await this.#entries();
    all.slice(all.length - count).forEach(({ cursor }) => {
      this.#forgotten.add(cursor);
    });
  }

  async append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    const entries = await this.#log.append(records);
    this.changed();
    return entries;
  }

  signal(records: readonly LogRecord[]): void {
    this.#nodes.forEach((node) => node.hear(records));
  }

  async bounds(): Promise<LogBounds> {
    const { epoch, floor } = await this.#log.bounds();
    const highest = this.#trimmed > floor ? this.#trimmed : floor;
    const entries = await this.#entries();
    const head = entries.at(-1)?.cursor ?? highest;
    return { epoch, floor: highest, head };
  }

  async read(after: Cursor, limit: LogPageLimit): Promise<LogPage> {
    const { epoch, floor } = await this.bounds();
    if (epochOf(after) !== epoch) {
      return { entries: [], floor };
    }
    const entries = (await this.#entries()).filter((e) => e.cursor > after);
    return { entries: within(limit, entries), floor };
  }

  async readBack(through: Cursor, limit: LogPageLimit): Promise<LogPage> {
    const { epoch, floor } = await this.bounds();
    if (epochOf(through) !== epoch) {
      return { entries: [], floor };
    }
    const entries = (await this.#entries()).filter((e) => e.cursor <= through);
    return { entries: within(limit, entries.reverse()).reverse(), floor };
  }

  /** What a tail has to be told that has come so far, if it is not entries. */
  async gapAfter(at: Cursor): Promise<LogGap | undefined> {
    const { epoch, floor } = await this.bounds();
    if (epochOf(at) !== epoch) {
      const shared = this.#kept
        .get(epochOf(at))
        ?.filter(({ was }) => was <= at);
      return { epoch, floor, position: shared?.at(-1)?.is ?? floor };
    }
    return at < floor ? { epoch, floor, position: floor } : undefined;
  }

  changed(): void {
    this.#nodes.forEach((node) => node.changed());
  }

  leave(node: SharedLog): void {
    this.#nodes.delete(node);
  }

  async #entries(): Promise<LogEntry[]> {
    const { floor } = await this.#log.bounds();
    const { entries } = await this.#log.read(floor, EVERYTHING);
    return entries.filter(
      ({ cursor }) => cursor > this.#trimmed && !this.#forgotten.has(cursor),
    );
  }
}

/** One node's log over a shared history, with the faults of its way to it. */
export class SharedLog implements EventLog {
  capabilities: LogCapabilities = { durable: true, shared: true };
  /** How often the engine was asked, also in vain. */
  readonly calls = { append: 0, read: 0, readBack: 0, bounds: 0 };
  /** After how long a method gives an engine up that is away, in milliseconds. */
  patience = 10;
  /** Called before the engine is asked for a page, with how many there were; the page waits for what it returns. */
  onRead: (count: number) => unknown = () => undefined;
  #isAway = false;
  #isNoticed = true;
  /** Entries that the tail may still yield. */
  #allowed = Infinity;
  #closed = false;
  #signals: LogRecord[] = [];
  #version = 0;
  #wake: (() => void) | undefined;

  constructor(private readonly history: SharedHistory) {}

  /** @param isNoticed whether `health` knows it, as of a frozen engine it does not at first */
  goAway(isNoticed = true): void {
    this.#isAway = true;
    this.#isNoticed = isNoticed;
  }

  comeBack(): void {
    this.#isAway = false;
    this.changed();
  }

  /** The node falls behind: its tail yields nothing. */
  hold(): void {
    this.#allowed = 0;
  }

  /** It goes on, for so many entries. */
  release(entries = Infinity): void {
    this.#allowed = entries;
    this.changed();
  }

  open(): Promise<LogBounds> {
    return this.bounds();
  }

  async append(records: readonly LogRecord[]): Promise<readonly LogEntry[]> {
    this.calls.append++;
    await this.#reach();
    return this.history.append(records);
  }

  async signal(records: readonly LogRecord[]): Promise<void> {
    await this.#reach();
    this.history.signal(records);
  }

  async read(after: Cursor, limit: LogPageLimit): Promise<LogPage> {
    await this.onRead(++this.calls.read);
    await this.#reach();
    return this.history.read(after, limit);
  }

  async readBack(through: Cursor, limit: LogPageLimit): Promise<LogPage> {
    this.calls.readBack++;
    await this.#reach();
    return this.history.readBack(through, limit);
  }

  async bounds(): Promise<LogBounds> {
    this.calls.bounds++;
    await this.#reach();
    return this.history.bounds();
  }

  async *tail(after: Cursor): AsyncGenerator<TailBatch> {
    let at = after;
    while (!this.#closed) {
      const version = this.#version;
      const gap = await this.history.gapAfter(at);
      const { entries, floor } = await this.history.read(at, EVERYTHING);
      if (this.#isAway || this.#allowed === 0) {
        // What is there is not told.
      } else if (gap !== undefined) {
        at = gap.position;
        yield { gap };
        continue;
      } else if (entries.length + this.#signals.length > 0) {
        const told = entries.slice(0, this.#allowed);
        this.#allowed -= told.length;
        at = told.at(-1)?.cursor ?? at;
        yield { records: [...this.#signals.splice(0), ...told], floor };
        continue;
      }
      if (this.#version === version && !this.#closed) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  health(): LogHealth {
    return this.#isAway && this.#isNoticed
      ? { status: 'down', reason: 'The engine of the test is away.' }
      : { status: 'up' };
  }

  close(): Promise<void> {
    this.#closed = true;
    this.history.leave(this);
    this.changed();
    return Promise.resolve();
  }

  /** Something may be there for the tail. */
  changed(): void {
    this.#version++;
    this.#wake?.();
  }

  /** A signal reaches it, unless the engine is away. */
  hear(records: readonly LogRecord[]): void {
    if (!this.#isAway) {
      this.#signals.push(...records);
      this.changed();
    }
  }

  async #reach(): Promise<void> {
    if (this.#closed) {
      throw new LogUnavailableException('The log is closed.');
    }
    if (this.#isAway) {
      await delay(this.patience);
      throw new LogUnavailableException('The engine of the test is away.');
    }
  }
}

/** As many as fit, at least one. */
function within(
  { events, bytes }: LogPageLimit,
  entries: readonly LogEntry[],
): LogEntry[] {
  let size = 0;
  const end = entries.findIndex(({ data }, i) => {
    size += Buffer.byteLength(data);
    return i > 0 && (i >= events || size > bytes);
  });
  return entries.slice(0, end < 0 ? undefined : end);
}
