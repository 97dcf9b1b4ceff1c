/** Nodes without an application, whose presence spans an engine that loses signals as a test wants. */
import { jest } from '@jest/globals';
import { Presence } from '../../src/hub/presence.js';
import type { SignalBus } from '../../src/hub/presence-sync.js';
import { LogUnavailableException } from 'nestjs-sse-hub';
import type { LogHealth, LogRecord } from 'nestjs-sse-hub';

/** How long users may be away. */
export const GRACE = 10_000;

/** Longer than the nodes take to agree on anything, and to find one gone. */
export const LONG = 60_000;

/** Long enough for a round and its answer. */
export const SOON = 1_000;

/** An engine that carries signals to every node that listens, itself in between. */
export class Bus {
  isUp = true;
  /** Whether a node does not get a signal. */
  drops: (to: Node, record: LogRecord, from: Node) => boolean = () => false;
  delay: (record: LogRecord) => number = () => 3;
  /** What was to be sent while it was away. */
  inVain = 0;
  readonly sent: LogRecord[] = [];
  readonly nodes = new Set<Node>();

  health(): LogHealth {
    return this.isUp ? { status: 'up' } : { status: 'down', reason: 'Away' };
  }

  send(from: Node, records: readonly LogRecord[]): Promise<void> {
    if (!this.isUp || !this.nodes.has(from)) {
      this.inVain++;
      return Promise.reject(new LogUnavailableException('Away'));
    }
    for (const record of records) {
      this.sent.push(record);
      for (const node of this.nodes) {
        if (!this.drops(node, record, from)) {
          setTimeout(() => this.#deliver(node, record), this.delay(record));
        }
      }
    }
    return Promise.resolve();
  }

  #deliver(node: Node, { type, data }: LogRecord): void {
    if (this.isUp && this.nodes.has(node)) {
      node.presence.receive(type, data);
    }
  }

  /** What is sent while something is done. */
  async during(action: () => Promise<void>): Promise<readonly LogRecord[]> {
    const before = this.sent.length;
    await action();
    return this.sent.slice(before);
  }
}

/** A node, and what it tells of the topic `room`. */
export class Node implements SignalBus {
  readonly presence: Presence;
  readonly changes: string[] = [];
  /** Who it has told to be there. */
  readonly told = new Set<string>();
  /** It has told something that it had told before. */
  doubled = false;

  constructor(
    private readonly bus: Bus,
    random: () => number = Math.random,
    grace = GRACE,
  ) {
    this.presence = new Presence(grace, undefined, random);
    this.presence.changes('room').subscribe(({ type, user }) => {
      this.changes.push(`${user} ${type}`);
      this.doubled ||= this.told.has(user) !== (type === 'left');
      this.told[type === 'joined' ? 'add' : 'delete'](user);
    });
    bus.nodes.add(this);
    this.presence.span(this);
  }

  health(): LogHealth {
    return this.bus.health();
  }

  signal(records: readonly LogRecord[]): Promise<void> {
    return this.bus.send(this, records);
  }

  get room(): readonly string[] {
    return [...this.presence.of('room').users].sort();
  }

  join(user: string, topic = 'room'): void {
    this.presence.join([topic], user);
  }

  leave(user: string, topic = 'room'): void {
    this.presence.leave([topic], user);
  }

  /** As `app.close()` does. */
  async close(): Promise<void> {
    await this.presence.stop();
    this.bus.nodes.delete(this);
  }

  /** As `kill -9` does: what it would still do reaches nobody. */
  crash(): void {
    this.bus.nodes.delete(this);
    void this.presence.stop();
  }
}

/** Lets the time of fake timers pass. */
export const pass = async (milliseconds: number): Promise<void> => {
  await jest.advanceTimersByTimeAsync(milliseconds);
};

/** Of the data, as the engine carries it. */
export const bytesOf = (records: readonly LogRecord[]): number =>
  records.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
