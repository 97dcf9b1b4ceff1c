import { AsyncResource } from 'node:async_hooks';
import type { PresenceRoster } from './presence-roster.js';
import { eachUser } from './presence-signal.js';
import type {
  PresenceSignal,
  TopicUser,
  TopicUsers,
} from './presence-signal.js';

type Of<Is extends PresenceSignal['is']> = PresenceSignal & { readonly is: Is };

/** How many beats of its own a node hears, and none of another's, before the other is gone. */
const MOST_SILENT = 3;

/** How many nodes that have said goodbye are remembered, whose late signals are nothing new. */
const MOST_CLOSED = 1_000;

/** What is known of another node. */
interface Peer {
  /** The version of `users`. */
  version: number;
  readonly users: Map<string, Set<string>>;
  /** When it was heard of, in milliseconds. */
  heardAt: number;
  /** For how many beats it has not been heard of. */
  silent: number;
  /** It was asked for what it has. */
  asked: boolean;
  /** What has come of the answer. */
  answer?: {
    readonly version: number;
    readonly parts: (readonly TopicUsers[] | undefined)[];
  };
}

/** The users of a node that is no more, until they have had time to come to another. */
interface Departed {
  readonly users: readonly TopicUser[];
  readonly until: number;
}

/**
 * What the other nodes have told of their users. Signals may get lost: a version that does not
 * follow the one before shows it, and the node is asked. A node is gone when it was not heard
 * of for some of this node's own beats; as those have to come back through the log as well, nobody
 * is gone for the log being away.
 */
export class PresencePeers {
  readonly #scope = new AsyncResource('SsePresence');
  readonly #peers = new Map<string, Peer>();
  readonly #closed = new Set<string>();
  /** Who is due first is first. */
  #departed: Departed[] = [];
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param grace how long users of a node that has gone may take to come to another, in milliseconds
   * @param onBehind told of nodes of which not all is known
   * @param now a clock that is never set, in milliseconds
   */
  constructor(
    private readonly roster: PresenceRoster,
    private readonly grace: number,
    private readonly onBehind: (node: string) => void,
    private readonly now: () => number,
  ) {}

  /** How many are known. */
  get size(): number {
    return this.#peers.size;
  }

  receive(signal: PresenceSignal): void {
    if (this.#closed.has(signal.node)) {
      return;
    }
    const peer = this.#heard(signal.node);
    switch (signal.is) {
      case 'changes':
        this.#change(peer, signal);
        break;
      case 'state':
        this.#assemble(peer, signal);
        break;
      case 'bye':
        this.#rememberClosed(signal.node);
        this.#depart(signal.node, peer, this.now() + this.grace);
        break;
      default:
        // Whoever says it now may have missed the question.
        peer.asked = false;
        this.#compare(peer, signal);
    }
  }

  /** This node has heard a beat of its own. */
  beat(): void {
    for (const [node, peer] of this.#peers) {
      if (++peer.silent > MOST_SILENT) {
        this.#depart(node, peer, peer.heardAt + this.grace);
      }
    }
  }

  /** Signals have not come through, so it says nothing that others were not heard of. */
  forgive(): void {
    for (const peer of this.#peers.values()) {
      peer.silent = 0;
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#departed = [];
    this.#peers.clear();
  }

  #heard(node: string): Peer {
    let peer = this.#peers.get(node);
    if (peer === undefined) {
      peer = {
        version: 0,
        users: new Map(),
        heardAt: 0,
        silent: 0,
        asked: false,
      };
      this.#peers.set(node, peer);
    }
    peer.heardAt = this.now();
    peer.silent = 0;
    return peer;
  }

  #compare(peer: Peer, { node, version }: PresenceSignal): void {
    if (version > peer.version && !peer.asked) {
      peer.asked = true;
      this.onBehind(node);
    }
  }

  #change(peer: Peer, signal: Of<'changes'>): void {
    if (signal.version !== peer.version + 1) {
      this.#compare(peer, signal);
      return;
    }
    peer.version = signal.version;
    for (const user of eachUser(signal.joined)) {
      this.#add(peer, user);
    }
    for (const user of eachUser(signal.left)) {
      this.#remove(peer, user);
    }
  }

  #assemble(peer: Peer, { version, part, parts, users }: Of<'state'>): void {
    if (version <= peer.version) {
      return;
    }
    if (peer.answer?.version !== version) {
      peer.answer = { version, parts: Array.from({ length: parts }) };
    }
    peer.answer.parts[part] = users;
    if (!peer.answer.parts.includes(undefined)) {
      this.#replace(peer, peer.answer.parts.flat() as TopicUsers[]);
      peer.version = version;
      peer.answer = undefined;
      peer.asked = false;
    }
  }

  /** Who is in both lists has not left in between. */
  #replace(peer: Peer, lists: readonly TopicUsers[]): void {
    const before = new Map(peer.users);
    peer.users.clear();
    for (const user of eachUser(lists)) {
      this.#add(peer, user);
    }
    for (const [topic, user] of eachUser(before)) {
      this.roster.remove(topic, user);
    }
  }

  #add({ users }: Peer, [topic, user]: TopicUser): void {
    let known = users.get(topic);
    if (known === undefined) {
      users.set(topic, (known = new Set()));
    }
    if (!known.has(user)) {
      known.add(user);
      this.roster.add(topic, user);
    }
  }

  #remove({ users }: Peer, [topic, user]: TopicUser): void {
    const known = users.get(topic);
    if (known?.delete(user)) {
      if (known.size === 0) {
        users.delete(topic);
      }
      this.roster.remove(topic, user);
    }
  }

  #depart(node: string, { users }: Peer, until: number): void {
    this.#peers.delete(node);
    this.#departed.push({ users: [...eachUser(users)], until });
    this.#departed.sort((a, b) => a.until - b.until);
    this.#expire();
  }

  #expire(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = this.now();
    while (this.#departed.length > 0 && this.#departed[0]!.until <= now) {
      for (const [topic, user] of this.#departed.shift()!.users) {
        this.roster.remove(topic, user);
      }
    }
    const [next] = this.#departed;
    if (next !== undefined) {
      this.#timer = this.#scope.runInAsyncScope(() =>
        setTimeout(() => this.#expire(), next.until - now).unref(),
      );
    }
  }

  #rememberClosed(node: string): void {
    this.#closed.add(node);
    if (this.#closed.size > MOST_CLOSED) {
      const [oldest] = this.#closed;
      this.#closed.delete(oldest!);
    }
  }
}
