import type { Cursor } from '../log/cursor.js';
import type { HubEvent } from './hub-event.js';
import type { Rewind } from './rewind.js';
import type { Listener } from './selection.js';

/** Why a stream cannot continue from the client's cursor. */
export type ResetReason =
  'malformed' | 'unknown' | 'epoch' | 'evicted' | 'history-changed' | 'skipped';

/** The in-stream notice that history between a cursor and now is gone. */
export interface Reset {
  readonly reason: ResetReason;
  /** The cursor that cannot be continued from; `null` if it was malformed. */
  readonly cursor: Cursor | null;
}

/** What a connection asks of the hub stream that it carries. */
export interface CarriedStream {
  /** Up to which event everything has been handed on or dropped by the hub; empty until it has started. */
  readonly position: Cursor;
  /** The newest event that it met itself; empty until it has started. */
  readonly reached: Cursor;
  /** Whether nothing that this node has dispatched is still to be handed on. */
  readonly isUpToDate: boolean;
  /**
   * The connection does not keep up: read from the log again instead of receiving live.
   * `false` when it does so already.
   */
  fallBehind(): boolean;
  /**
   * Asks whether the connection may have this stream: at first, and whenever that could
   * have changed. It does not stop the stream.
   *
   * @throws what `StreamAuthorizer.authorize` throws
   */
  authorize(): void | Promise<void>;
  /** Whether it asks for a literal topic, by name or by pattern. */
  coversTopic(topic: string): boolean;
  /** Whether the handler asks for a literal topic by name. */
  names(topic: string): boolean;
  /**
   * Goes on with one literal topic more, unless somebody leaves it meanwhile.
   *
   * @throws what `StreamAuthorizer.authorize` throws; TooManyTopicsException, StreamEndedException
   */
  join(topic: string, rewind: Rewind | undefined): Promise<void>;
  /** Goes on with one literal topic less. */
  leave(topic: string): void;
  /** Hands on nothing from here until `resume`. */
  suspend(): void;
  /** Goes on from where it was suspended, for the connection's listener of now. */
  resume(): void;
  /** Hands on nothing any more. */
  close(): void;
}

/** Options of `connection.join()`. */
export interface JoinOptions {
  /**
   * Retained events of the topic that the client gets first. They have no ids, because the client is
   * past them.
   */
  readonly rewind?: Rewind;
}

/** An open connection, as `hub.connections()` tells it. */
export interface ConnectionInfo {
  /** Unique among the connections of this process. */
  readonly id: string;
  /** Who it belongs to, as the guards put it on the request or `hub.refresh` has loaded it since. */
  readonly user: any;
  /** The cursor that the client came with. */
  readonly lastEventId: string | undefined;
  readonly openedAt: Date;
  readonly remoteAddress: string | undefined;
  /** Ends the stream, telling the client why. */
  close(reason?: string): void;
  /**
   * Adds a topic to the hub stream that the connection carries. What is published from now on
   * reaches the client, beside the others and by the same cursor; `types` and `where` of the
   * stream hold for it too. The topic policies are asked as for any topic.
   *
   * It is the connection's, also when the handler subscribes to a stream anew; not the client's:
   * when that reconnects, the handler lists the topics that it is to have.
   *
   * @param topic a literal topic
   * @returns when the stream has it, and what `rewind` asked for has been handed on
   * @throws TopicForbiddenException, AuthorizationTimeoutException, or what else a policy throws: the
   * stream goes on without the topic. InvalidTopicException; InvalidStreamException if the connection
   * carries no hub stream; TooManyTopicsException if the stream has as many as are allowed;
   * StreamEndedException if it has ended, or the handler has subscribed anew meanwhile
   */
  join(topic: string, options?: JoinOptions): Promise<void>;
  /**
   * Takes a topic from the stream: what is dispatched later does not reach the handler, and who is
   * joining it does so no more. A pattern that matches the topic stays. It does nothing if the stream
   * has not the topic.
   *
   * @param topic a literal topic
   * @throws InvalidTopicException
   */
  leave(topic: string): void;
}

/** What the hub asks of a connection. */
export interface StreamConnection extends ConnectionInfo {
  /** Whom audiences are compared with. */
  readonly listener: Listener;
  /** Where to continue: what the client sent, then where this connection is. */
  readonly resumeFrom: string | undefined;
  /** Events behind that which its handler has failed at: they are not handed on again. */
  readonly skipped: ReadonlySet<Cursor> | undefined;
  /** By what its topics differ from what the handler names: those joined (`true`) and left. */
  readonly movedTopics: ReadonlyMap<string, boolean> | undefined;
  /**
   * Its stream has joined a topic or left it, as other streams of it are to do.
   * @param isNamed whether the handler names it
   */
  topicMoved(topic: string, isJoined: boolean, isNamed: boolean): void;
  /** Aborted when it has ended, however it ended. */
  readonly signal: AbortSignal;
  /** Whether bytes wait for the client, or the head is not written yet. */
  readonly congested: boolean;

  /**
   * Takes on a stream.
   * @throws SecondStreamException when it carries one already
   */
  attach(stream: CarriedStream): void;
  detach(stream: CarriedStream): void;

  /**
   * Asks again whether it may have the stream that it carries; returns if it carries none.
   * @throws what `StreamAuthorizer.authorize` throws
   */
  authorize(): void | Promise<void>;
  /** Does something now, or when it is known what the user may see. */
  whenResumed(action: () => void): void;
  /** If the request fails with this error, the client is told to come back instead. */
  excuse(error: Error): void;
  /** It may not have the stream: the request fails, or what has begun of the response. */
  refuse(error: unknown): void;

  /**
   * The stream is authorized, and waits for the log to say where it starts: the head may leave.
   *
   * @param cursor what the client came with and may come back with; `undefined`: it gets no
   * id, so that it comes back as it came
   */
  startLater(cursor: Cursor | undefined): void;
  /** The stream is authorized and knows where it starts: the head may leave. */
  start(cursor: Cursor, reset?: Reset): void;
  /** Tells the client of a gap, and moves its cursor. */
  reset(cursor: Cursor, reset: Reset): void;

  /** What is emitted until `afterEvent` comes from this event. */
  beforeEvent(event: HubEvent): void;
  afterEvent(): void;

  /** Calls back once when no bytes wait any more. */
  whenWritable(callback: () => void): void;
}
