import { AsyncResource } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { EventLog } from '../log/event-log.js';
import { PresencePeers } from './presence-peers.js';
import type { PresenceRoster } from './presence-roster.js';
import {
  inParts,
  readPresenceSignal,
  toPresenceRecord,
} from './presence-signal.js';
import type { PresenceSignal, TopicUser } from './presence-signal.js';

/** What of a log presence needs. */
export type SignalBus = Pick<EventLog, 'signal' | 'health'>;

/** In milliseconds. */
const TIMES = {
  /** Between two beats, more or less by `spread` of it. */
  beat: 5_000,
  spread: 0.2,
  /** Between two rounds of sending: what changes meanwhile goes together. */
  round: 100,
  /** Up to how long an answer waits, so that who asks at the same time gets the same one. */
  answer: 500,
  /** How long closing waits for its goodbye to leave. */
  goodbye: 1_000,
} as const;

/** What a node's presence is made of, besides the log. */
export interface PresenceSyncOptions {
  /** How long users of a node that has gone may take to come to another, in milliseconds. */
  readonly grace: number;
  /** A clock that is never set, in milliseconds. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/**
 * Tells the other nodes of a log who is connected to this one, and learns of theirs, by signals
 * that may get lost. What changes is sent at once, in rounds; a beat says now and then which
 * version that has made; who has missed something asks, and is sent all that there is. So an idle
 * node costs a beat, and a busy one what changes.
 */
export class PresenceSync {
  readonly #node = randomBytes(8).toString('hex');
  readonly #scope = new AsyncResource('SsePresence');
  readonly #peers: PresencePeers;
  /** By topic, the users who have come (`true`) or left since the last round. */
  readonly #changes = new Map<string, Map<string, boolean>>();
  /** Nodes to ask. */
  readonly #behind = new Set<string>();
  #version = 0;
  /** What the next round sends besides. */
  #due: { beat?: true; ask?: true; state?: true } = {};
  #round: NodeJS.Timeout | undefined;
  #sending = false;
  #sentAt = -Infinity;
  #beats: NodeJS.Timeout | undefined;
  #answers: NodeJS.Timeout | undefined;
  /** Whether the last beat has come back. */
  #heardItself = false;
  #stopped = false;

  /**
   * @param held all who are connected to this node, with those in their grace
   */
  constructor(
    private readonly bus: SignalBus,
    roster: PresenceRoster,
    private readonly held: () => Iterable<TopicUser>,
    private readonly options: PresenceSyncOptions,
  ) {
    this.#peers = new PresencePeers(
      roster,
      options.grace,
      (node) => {
        this.#behind.add(node);
        this.#arm();
      },
      options.now,
    );
    const [anybody] = held();
    this.#version = anybody === undefined ? 0 : 1;
    this.#due.ask = true;
    this.#arm();
    this.#armBeat();
  }

  /** A user has come to this node, or has left it. */
  changed(topic: string, user: string, isHeld: boolean): void {
    if (this.#stopped) {
      return;
    }
    let users = this.#changes.get(topic);
    if (users === undefined) {
      this.#changes.set(topic, (users = new Map()));
    }
    // Of who has come and left again, or the other way round, there is nothing to tell.
    if (users.has(user)) {
      users.delete(user);
    } else {
      users.set(user, isHeld);
    }
    this.#arm();
  }

  /** Takes a signal, also those of this node. */
  receive(type: string, text: string): void {
    const signal = readPresenceSignal(type, text);
    if (signal === undefined || this.#stopped) {
      return;
    }
    if (signal.node === this.#node) {
      if (signal.is === 'beat') {
        this.#heardItself = true;
        this.#peers.beat();
      }
      return;
    }
    this.#peers.receive(signal);
    if (signal.is === 'ask' && (signal.of?.includes(this.#node) ?? true)) {
      this.#answer();
    }
  }

  /** Says goodbye; resolves when that has left, or cannot. */
  async stop(): Promise<void> {
    if (this.#stopped) {
      return;
    }
    this.#stopped = true;
    clearTimeout(this.#round);
    clearTimeout(this.#beats);
    clearTimeout(this.#answers);
    this.#peers.stop();
    if (this.#isUp) {
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, TIMES.goodbye);
      });
      const goodbye = this.#send(this.#signal({ is: 'bye' })).catch(
        // They will notice.
        () => undefined,
      );
      await Promise.race([goodbye, limit]);
      clearTimeout(timer);
    }
  }

  get #isUp(): boolean {
    return this.bus.health().status === 'up';
  }

  #armBeat(): void {
    const { beat, spread } = TIMES;
    const wait = beat * (1 + spread * (2 * this.options.random() - 1));
    this.#beats = this.#later(wait, () => {
      if (!this.#heardItself) {
        this.#peers.forgive();
      }
      this.#heardItself = false;
      this.#due.beat = true;
      this.#arm();
      this.#armBeat();
    });
  }

  #answer(): void {
    if (this.#answers === undefined && this.#version > 0) {
      const wait = TIMES.answer * this.options.random();
      this.#answers = this.#later(wait, () => {
        this.#answers = undefined;
        this.#due.state = true;
        this.#arm();
      });
    }
  }

  /** Has a round begin when the one before is over and some time ago. */
  #arm(): void {
    if (this.#round === undefined && !this.#sending && !this.#stopped) {
      const wait = this.#sentAt + TIMES.round - this.options.now();
      this.#round = this.#later(Math.max(0, wait), () => {
        this.#round = undefined;
        void this.#sendRound();
      });
    }
  }

  async #sendRound(): Promise<void> {
    this.#sending = true;
    try {
      // All of it is made at once, so that the state is that of its version.
      for (const signal of this.#take()) {
        if (this.#stopped) {
          return;
        }
        await this.#send(signal);
      }
    } catch {
      // Who misses it sees so by the version of the next beat.
    } finally {
      this.#sending = false;
      this.#sentAt = this.options.now();
    }
    if (this.#hasWork) {
      this.#arm();
    }
  }

  get #hasWork(): boolean {
    const { beat, ask, state } = this.#due;
    return (
      this.#changes.size > 0 ||
      this.#behind.size > 0 ||
      !!(beat || ask || state)
    );
  }

  /** What there is to say. While the engine is away nobody would hear it, then or later. */
  #take(): readonly PresenceSignal[] {
    const signals: PresenceSignal[] = this.#takeChanges();
    const { beat, ask, state } = this.#due;
    this.#due = {};
    const behind = [...this.#behind];
    this.#behind.clear();
    if (ask) {
      signals.push(this.#signal({ is: 'ask' }));
    } else if (behind.length > 0) {
      signals.push(this.#signal({ is: 'ask', of: behind }));
    }
    if (state) {
      const all = inParts(this.held());
      all.forEach((users, part) =>
        signals.push(
          this.#signal({ is: 'state', part, parts: all.length, users }),
        ),
      );
    }
    if (beat) {
      signals.push(this.#signal({ is: 'beat' }));
    }
    return this.#isUp ? signals : [];
  }

  #takeChanges(): PresenceSignal[] {
    const joined: TopicUser[] = [];
    const left: TopicUser[] = [];
    for (const [topic, users] of this.#changes) {
      for (const [user, isHeld] of users) {
        (isHeld ? joined : left).push([topic, user]);
      }
    }
    this.#changes.clear();
    if (joined.length + left.length === 0) {
      return [];
    }
    const come = inParts(joined);
    const gone = inParts(left);
    const count = Math.max(come.length, gone.length);
    return Array.from({ length: count }, (_, part) => {
      this.#version++;
      return this.#signal({
        is: 'changes',
        joined: come[part] ?? [],
        left: gone[part] ?? [],
      });
    });
  }

  #signal<Rest extends object>(rest: Rest) {
    return { ...rest, node: this.#node, version: this.#version };
  }

  async #send(signal: PresenceSignal): Promise<void> {
    await this.bus.signal([toPresenceRecord(signal)]);
  }

  #later(wait: number, action: () => void): NodeJS.Timeout {
    return this.#scope.runInAsyncScope(() => setTimeout(action, wait).unref());
  }
}
