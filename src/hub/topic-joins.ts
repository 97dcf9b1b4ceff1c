import {
  setImmediate as nextTurn,
  setTimeout as delay,
} from 'node:timers/promises';
import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import type { Dispatcher } from './dispatcher.js';
import { HubEvent } from './hub-event.js';
import {
  StreamEndedException,
  TooManyTopicsException,
} from './hub.exceptions.js';
import { rewindInLog, rewindInWindow } from './rewind.js';
import type { Rewind } from './rewind.js';
import type { Selection } from './selection.js';
import type { StreamAuthorizer } from './stream-authorizer.js';
import type { StreamConnection } from './stream-connection.js';
import { SLICE } from './window.js';

/** After how long it looks again whether this node has met what the stream has, in milliseconds. */
const BEHIND_PAUSE = 50;

/** What joining asks of the stream. */
export interface JoinedStream {
  readonly selection: Selection;
  /** Up to where everything was handed on or dropped; empty until it has started. */
  readonly reached: Cursor;
  /** Whether it is allowed, open, and nobody asks whether it still is allowed. */
  readonly mayJoin: boolean;
  /** Grows whenever somebody asks that. */
  readonly generation: number;
  /** Goes on with a topic more from where it is; not in the midst of an event being dispatched. */
  add(topic: string): void;
  /** Hands on nothing until `release`, wherever it is. */
  hold(): void;
  release(): void;
  /** Hands on an event that lies behind it. */
  emitBehind(event: HubEvent): void;
}

/** What joining needs besides. */
export interface JoiningContext {
  readonly dispatcher: Dispatcher;
  readonly authorizer: StreamAuthorizer;
  readonly connection: StreamConnection;
  /** The most topics and patterns of one stream. */
  readonly maxTopics: number;
}

/** Somebody has called `join`. */
interface Join {
  readonly topic: string;
  readonly rewind: Rewind | undefined;
  isLeft: boolean;
  /** In which generation of the stream the policies have allowed it. */
  allowedIn: number | undefined;
}

/**
 * Topics that an open stream joins: each when the policies allow it, from where the stream is then.
 * With `rewind` the stream waits at that place until the retained events of the topic before it
 * have been handed on, so that those of the topic stay in order; one topic after the other.
 */
export class TopicJoins {
  readonly #pending = new Set<Join>();
  /** Who waits, and is told when the stream closes. */
  readonly #waiting = new Set<(error: Error) => void>();
  #whenReady: (() => void)[] = [];
  #rewinds: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly stream: JoinedStream,
    private readonly context: JoiningContext,
  ) {}

  /** Whether a topic is being joined: what happens to it happens to the stream. */
  covers(topic: string): boolean {
    return this.#of(topic).some(({ isLeft }) => !isLeft);
  }

  /**
   * Joins a literal topic, unless somebody leaves it meanwhile; does nothing if the stream has it.
   *
   * @throws what `StreamAuthorizer.authorize` throws; TooManyTopicsException, StreamEndedException
   */
  async join(topic: string, rewind: Rewind | undefined): Promise<void> {
    const join = { topic, rewind, isLeft: false, allowedIn: undefined };
    this.#pending.add(join);
    try {
      // Not in the context of the request that asks for it: what is handed on runs in the handler.
      await this.context.dispatcher.detached(() => this.#join(join));
    } finally {
      this.#pending.delete(join);
    }
  }

  /** Whoever is joining it does so no more. */
  leave(topic: string): void {
    for (const join of this.#of(topic)) {
      join.isLeft = true;
    }
  }

  /** The stream may have become ready. */
  proceed(): void {
    const waiting = this.#whenReady;
    this.#whenReady = [];
    waiting.forEach((goOn) => goOn());
  }

  /** The stream has closed. */
  close(): void {
    this.#closed = true;
    for (const reject of this.#waiting) {
      reject(new StreamEndedException());
    }
  }

  #of(topic: string): readonly Join[] {
    return [...this.#pending].filter((join) => join.topic === topic);
  }

  async #join(join: Join): Promise<void> {
    // Whoever calls may do so in the midst of an event being dispatched.
    await Promise.resolve();
    if (join.rewind === undefined) {
      await this.#whenAllowed(join, () => this.#add(join));
      return;
    }
    // Policies first, so that one that hangs keeps no other topic waiting.
    await this.#whenAllowed(join, () => undefined);
    const joined = this.#rewinds.then(() =>
      this.#joinBehind(join, join.rewind!),
    );
    this.#rewinds = joined.catch(() => undefined);
    await joined;
  }

  async #joinBehind(join: Join, rewind: Rewind): Promise<void> {
    const holds = await this.#whenAllowed(join, () => {
      const isNew = !this.#has(join);
      if (isNew) {
        this.stream.hold();
      }
      return isNew;
    });
    if (!holds) {
      return;
    }
    try {
      await this.#rewind(join, rewind);
      await this.#whenAllowed(join, () => this.#add(join));
    } finally {
      this.stream.release();
    }
  }

  #has({ topic }: Join): boolean {
    return this.stream.selection.topics.includes(topic);
  }

  #add(join: Join): void {
    if (!this.#has(join)) {
      this.#checkRoom();
      this.stream.add(join.topic);
    }
  }

  /** @throws TooManyTopicsException */
  #checkRoom(): void {
    const { topics, patterns } = this.stream.selection;
    const size = topics.length + patterns.length;
    if (size >= this.context.maxTopics) {
      throw new TooManyTopicsException(
        `connection.join: the stream has ${size} topics and patterns, and "limits.topicsPerStream" is ${this.context.maxTopics}. Leave one first, or raise the limit.`,
      );
    }
  }

  /**
   * Does something in a turn in which the stream may have the topic: an answer about the user of
   * before a refresh does not count.
   *
   * @returns what that returns; `undefined` when the topic was left
   */
  async #whenAllowed<Result>(
    join: Join,
    action: () => Result,
  ): Promise<Result | undefined> {
    while (!join.isLeft) {
      const obstacle = this.#obstacleFor(join);
      if (obstacle !== undefined) {
        await this.#unlessClosed(obstacle);
      } else if (
        join.allowedIn === this.stream.generation ||
        // Then it was asked about with the others.
        this.#has(join)
      ) {
        return action();
      } else {
        await this.#ask(join);
      }
    }
    return undefined;
  }

  /** What keeps the stream from it now, and resolves when that may be over. */
  #obstacleFor({ rewind }: Join): Promise<void> | undefined {
    const { mayJoin, reached } = this.stream;
    const isRewound = rewind !== undefined;
    if (!mayJoin || (isRewound && reached === '')) {
      return new Promise((resolve) => this.#whenReady.push(resolve));
    }
    return isRewound && reached > this.context.dispatcher.position
      ? // The client comes from a node that was further: what this one has not met is not read.
        delay(BEHIND_PAUSE, undefined, { ref: false })
      : undefined;
  }

  async #ask(join: Join): Promise<void> {
    const { authorizer, connection } = this.context;
    this.#checkRoom();
    const { generation } = this.stream;
    const asked = authorizer.authorize(connection, {
      topics: [join.topic],
      patterns: [],
    });
    if (asked !== undefined) {
      await this.#unlessClosed(asked);
    }
    join.allowedIn = generation;
  }

  /** Hands on the retained events of a topic up to where the stream is. */
  async #rewind(join: Join, rewind: Rewind): Promise<void> {
    const { dispatcher } = this.context;
    const through = this.stream.reached;
    const selection = this.#selectionOf(join);
    const who = {};
    try {
      let at =
        rewindInWindow(dispatcher, selection, rewind) ??
        (await this.#unlessClosed(
          rewindInLog(dispatcher, selection, rewind, who),
        ));
      while (at !== undefined && at < through) {
        const from = at;
        const events = await this.#slice(from, who);
        at = await this.#whenAllowed(join, () =>
          // Else its history has changed, which the client is told.
          this.stream.reached === through
            ? this.#handOn(join, from, events, through)
            : undefined,
        );
        await this.#writable();
      }
    } finally {
      dispatcher.leave(who);
    }
  }

  /** What the stream selects of the topic, for its user of now. */
  #selectionOf({ topic }: Join): Selection {
    return this.stream.selection.withTopics([topic], []);
  }

  /** Events after a cursor, as far as they are retained; none when the log has another history. */
  async #slice(from: Cursor, who: object): Promise<readonly HubEvent[]> {
    const { dispatcher } = this.context;
    if (dispatcher.window.covers(from)) {
      return dispatcher.window.after(from, SLICE);
    }
    const page = await this.#unlessClosed(dispatcher.page(from, who));
    return epochOf(page.floor) === epochOf(from) ? page.events : [];
  }

  /** @returns where it goes on; `undefined`: there are no more */
  #handOn(
    join: Join,
    from: Cursor,
    events: readonly HubEvent[],
    through: Cursor,
  ): Cursor | undefined {
    const selection = this.#selectionOf(join);
    let reached = from;
    for (const event of events) {
      if (event.id! > through) {
        return undefined;
      }
      if (!this.stream.mayJoin || join.isLeft) {
        // By what the handler did with the last one.
        return reached;
      }
      reached = event.id!;
      if (selection.covers(event)) {
        this.stream.emitBehind(HubEvent.withoutId(event));
      }
    }
    return events.length === 0 ? undefined : reached;
  }

  /** In another turn, when the client has taken what was handed on. */
  async #writable(): Promise<void> {
    const { connection } = this.context;
    await this.#unlessClosed(nextTurn());
    if (connection.congested) {
      await this.#unlessClosed(
        new Promise<void>((resolve) => connection.whenWritable(resolve)),
      );
    }
  }

  /** @throws StreamEndedException when the stream closes before there is an answer */
  #unlessClosed<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      answer.then(resolve, reject).finally(() => this.#waiting.delete(reject));
      if (this.#closed) {
        reject(new StreamEndedException());
      }
    });
  }
}
