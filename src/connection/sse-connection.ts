import type { HubEvent } from '../hub/hub-event.js';
import type { Listener } from '../hub/selection.js';
import {
  InvalidStreamException,
  StreamEndedException,
} from '../hub/hub.exceptions.js';
import { checkRewind } from '../hub/rewind.js';
import type {
  CarriedStream,
  JoinOptions,
  Reset,
  StreamConnection,
} from '../hub/stream-connection.js';
import { checkKnown } from '../hub/known-options.js';
import { checkTopic } from '../hub/topic.js';
import type { Cursor } from '../log/cursor.js';
import { SecondStreamException } from './connection.exceptions.js';
import { closedFrame, resetFrame } from './control-frames.js';
import type { Frame } from './frame.js';
import { remoteAddressOf } from './request.js';
import type { SseResponse } from './sse-response.js';
import type { OutputWarning } from './stream-output.js';
import { StreamOutput } from './stream-output.js';

/** What a handler may emit while its user is loaded anew. */
const MOST_HELD = 256;

/** What is known of a connection when its request arrives. */
export interface ConnectionOrigin {
  readonly id: string;
  readonly user: unknown;
  readonly listener: Listener;
  readonly lastEventId: string | undefined;
  readonly openedAt: number;
  /** What the request arrived behind; see `Admission`. */
  readonly arrival: number;
  readonly request: object;
}

/** What a connection asks of the response that serves it. */
export type ServingResponse = Pick<
  SseResponse,
  | 'attached'
  | 'checkpointFrame'
  | 'congested'
  | 'end'
  | 'ended'
  | 'fail'
  | 'headed'
  | 'holdsFrames'
  | 'progress'
  | 'revoke'
  | 'revoked'
  | 'send'
  | 'warn'
> & { readonly abort: Pick<SseResponse['abort'], 'signal'> };

/**
 * One open SSE response. A handler gets it by `@Connection()` and gives it to
 * `hub.stream({ …, for: connection })`.
 */
export class SseConnection<User = any> implements StreamConnection {
  #origin: ConnectionOrigin;
  readonly #response: ServingResponse;
  readonly #output: StreamOutput;
  #stream: CarriedStream | undefined;
  /** The stream that it carries, or carried last: something of it may still be on its way. */
  #lastStream: CarriedStream | undefined;
  /** Its user is being loaded anew. */
  #suspended = false;
  /** What its handler did meanwhile. */
  #held: (() => void)[] | undefined;
  #renewed = false;
  /** Its stream may start behind the head. */
  #startsLater = false;
  /** What tells a client where its stream starts; it follows the head. */
  #startFrame: Frame | undefined;
  /** Where a stream that was unsubscribed from had got to: another one continues there. */
  #reached: Cursor | undefined;
  #whenWritable: (() => void) | undefined;
  #movedTopics: Map<string, boolean> | undefined;
  #excused: WeakSet<Error> | undefined;

  /** @internal */
  constructor(origin: ConnectionOrigin, response: ServingResponse) {
    this.#origin = origin;
    this.#response = response;
    this.#output = new StreamOutput(this);
  }

  /** Unique among the connections of this process. */
  get id(): string {
    return this.#origin.id;
  }

  /** Who it belongs to, as the guards put it on the request or `hub.refresh` has loaded it since. */
  get user(): User {
    return this.#origin.user as User;
  }

  /**
   * The cursor that the client came with: the header `Last-Event-ID`, else the query
   * parameter `lastEventId`.
   */
  get lastEventId(): string | undefined {
    return this.#origin.lastEventId;
  }

  /** When the request arrived. */
  get openedAt(): Date {
    return new Date(this.#origin.openedAt);
  }

  /** The client's address while it is connected, as the platform's trust-proxy setting sees it. */
  get remoteAddress(): string | undefined {
    return remoteAddressOf(this.#origin.request);
  }

  /** Aborted when the stream has ended, however it ended. */
  get signal(): AbortSignal {
    return this.#response.abort.signal;
  }

  /**
   * Ends the stream at an event boundary, after `event: hub.closed` with the reason. The
   * client reconnects unless the page closes its EventSource on that event.
   *
   * @param reason a word for the page and the log, such as `'signed-out'`
   */
  close(reason = 'closed'): void {
    this.closeFor(reason);
  }

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
  async join(topic: string, options: JoinOptions = {}): Promise<void> {
    checkTopic(topic);
    checkKnown('connection.join', options);
    const { rewind } = options;
    if (rewind !== undefined) {
      checkRewind('connection.join', rewind);
    }
    if (this.#response.ended || this.#response.revoked) {
      throw new StreamEndedException();
    }
    if (this.#stream === undefined) {
      throw new InvalidStreamException(
        `connection.join('${topic}'): the connection carries no hub stream now. Join when what hub.stream() has returned is subscribed to; a topic that is known before belongs into its "topics".`,
      );
    }
    await this.#stream.join(topic, rewind);
  }

  /**
   * Takes a topic from the stream: what is dispatched later does not reach the handler, and who is
   * joining it does so no more. A pattern that matches the topic stays. It does nothing if the stream
   * has not the topic.
   *
   * @param topic a literal topic
   * @throws InvalidTopicException
   */
  leave(topic: string): void {
    checkTopic(topic);
    this.#stream?.leave(topic);
    this.topicMoved(topic, false, this.#lastStream?.names(topic) === true);
  }

  /** @internal */
  get movedTopics(): ReadonlyMap<string, boolean> | undefined {
    return this.#movedTopics;
  }

  /** @internal */
  topicMoved(topic: string, isJoined: boolean, isNamed: boolean): void {
    if (isJoined === isNamed) {
      // As the handler has it: a client that comes and goes leaves nothing behind.
      this.#movedTopics?.delete(topic);
    } else {
      (this.#movedTopics ??= new Map()).set(topic, isJoined);
    }
  }

  /**
   * @internal Closes it, and keeps the client away for a while.
   * @param retry in milliseconds
   */
  closeFor(reason: string, retry?: number): void {
    this.#response.end(reason, closedFrame(reason, this.endWork(), retry));
  }

  /** @internal */
  get listener(): Listener {
    return this.#origin.listener;
  }

  /**
   * @internal Ends the stream because its user may not have it any more: nothing that waits
   * is sent.
   */
  revoke(reason: string): void {
    this.#response.revoke(reason);
  }

  /** @internal */
  get arrival(): number {
    return this.#origin.arrival;
  }

  /** @internal Whether it has got events of this literal topic. */
  coversTopic(topic: string): boolean {
    return this.#lastStream?.coversTopic(topic) ?? false;
  }

  /** @internal Hands on nothing until `resume`. */
  suspend(): void {
    this.#suspended = true;
    this.#stream?.suspend();
  }

  /** @internal It belongs to the same user, as the application knows them now. */
  renew(user: unknown, listener: Listener): void {
    this.#renewed = true;
    this.#origin = { ...this.#origin, user, listener };
  }

  /** @internal Goes on where it was suspended. */
  resume(): void {
    const held = this.#held ?? [];
    this.#suspended = false;
    this.#held = undefined;
    for (const action of held) {
      action();
    }
    this.#stream?.resume();
  }

  /**
   * @internal Does something now, or when it is known what the user may see: a handler may
   * have delayed what the user might not see any more.
   */
  whenResumed(action: () => void): void {
    if (!this.#suspended) {
      action();
    } else if ((this.#held ??= []).length < MOST_HELD) {
      this.#held.push(action);
    } else {
      this.revoke('unavailable');
    }
  }

  /** @internal Nothing of its stream is to leave any more. */
  stop(): void {
    this.#startFrame = undefined;
    this.#held = undefined;
    this.#stream?.close();
  }

  /** @internal Whether what its user may see has changed since it opened. */
  get renewed(): boolean {
    return this.#renewed;
  }

  /** @internal */
  get resumeFrom(): string | undefined {
    const { cursor } = this.#output;
    return this.#reached !== undefined && cursor! > this.#reached
      ? // What was sent of the last event since.
        cursor
      : (this.#reached ?? this.lastEventId);
  }

  /** @internal */
  get skipped(): ReadonlySet<Cursor> | undefined {
    return this.#output.skipped;
  }

  /** @internal */
  get reached(): Cursor | undefined {
    return this.#stream?.reached ?? this.#reached;
  }

  /** @internal */
  send(frame: Frame): void {
    this.#response.send(frame);
  }

  /** @internal */
  warn(warning: OutputWarning): void {
    this.#response.warn(warning);
  }

  /** @internal */
  get congested(): boolean {
    return this.#response.congested;
  }

  /** @internal Whether the head may leave, as far as a hub stream is concerned. */
  get isReady(): boolean {
    return (
      this.#stream === undefined ||
      this.#output.cursor !== undefined ||
      this.#startsLater
    );
  }

  /** @internal */
  attach(stream: CarriedStream): void {
    if (this.#stream !== undefined) {
      throw new SecondStreamException();
    }
    const isFirst = this.#lastStream === undefined;
    // Or it would go out as what the next event has emitted.
    this.endWork();
    this.#stream = this.#lastStream = stream;
    if (this.#response.revoked || this.#response.ended) {
      stream.close();
      return;
    }
    if (this.#suspended) {
      stream.suspend();
    }
    this.#response.attached(isFirst);
  }

  /** @internal */
  detach(stream: CarriedStream): void {
    if (this.#stream === stream) {
      this.#stream = undefined;
      if (this.#output.cursor !== undefined && stream.reached !== '') {
        const resumed = this.#output.resumeAt(stream.reached);
        this.#reached = resumed ?? stream.reached;
        if (resumed === undefined) {
          this.#tellLost(stream.reached);
        }
      }
    }
  }

  /** @internal Asks again whether its stream is allowed. */
  authorize(): void | Promise<void> {
    return this.#stream?.authorize();
  }

  /** @internal */
  excuse(error: Error): void {
    (this.#excused ??= new WeakSet()).add(error);
  }

  /** @internal Whether a failure is none of the request: its client is to come back. */
  excuses(error: unknown): boolean {
    return this.#excused?.has(error as Error) === true;
  }

  /** @internal */
  refuse(error: unknown): void {
    this.#response.fail(error);
  }

  /** @internal */
  startLater(cursor: Cursor | undefined): void {
    this.#startsLater = true;
    if (cursor !== undefined && this.#output.cursor === undefined) {
      this.#output.startAt(cursor);
      this.#tellStart(cursor, this.#response.checkpointFrame(cursor));
    }
    this.#response.progress();
  }

  /** @internal */
  start(cursor: Cursor, reset?: Reset): void {
    const frame =
      reset === undefined
        ? this.#response.checkpointFrame(cursor)
        : resetFrame(cursor, reset);
    const isFirst = this.#output.cursor === undefined;
    this.#output.startAt(cursor);
    if (isFirst || reset !== undefined) {
      this.#tellStart(cursor, frame);
    }
    this.#response.progress();
  }

  /**
   * Behind what the handler has emitted before, such as a list of what there is: a client that
   * has the cursor comes back for what is behind it.
   */
  #tellStart(cursor: Cursor, frame: Frame): void {
    if (this.#held !== undefined) {
      this.whenResumed(() => {
        // Unless history has changed meanwhile, and a reset has told where it starts now.
        if (this.#output.cursor === cursor) {
          this.#response.send(frame);
        }
      });
    } else if (this.#response.headed || this.#response.holdsFrames) {
      this.#response.send(frame);
    } else {
      this.#startFrame = frame;
    }
  }

  /** @internal */
  reset(cursor: Cursor, reset: Reset): void {
    this.#output.startAt(cursor);
    this.#response.send(resetFrame(cursor, reset));
  }

  /** @internal */
  beforeEvent(event: HubEvent): void {
    this.#output.beforeEvent(event);
  }

  /** @internal */
  afterEvent(): void {
    try {
      this.#output.afterEvent();
    } catch (error) {
      this.#response.fail(error);
    }
  }

  /** @internal */
  whenWritable(callback: () => void): void {
    const earlier = this.#whenWritable;
    this.#whenWritable = () => {
      earlier?.();
      callback();
    };
  }

  /** @internal Takes what the handler emitted. */
  emit(value: unknown): void {
    if (this.#suspended) {
      this.whenResumed(() => this.emit(value));
      return;
    }
    try {
      this.#output.next(value);
    } catch (error) {
      this.#response.fail(error);
    }
  }

  /**
   * @internal Sends what the event in work has emitted so far, as the stream ends in it.
   * @returns the event's id, if that is nothing
   */
  endWork(): Cursor | undefined {
    try {
      return this.#output.endWork();
    } catch (error) {
      this.#response.fail(error);
      return undefined;
    }
  }

  /** @internal Behind which event the client continues after a failure. */
  failedAt(): Cursor | undefined {
    const at = this.#output.failedAt();
    if (at !== undefined && this.#output.leavesOut(at)) {
      this.#tellLost(at);
    }
    return at;
  }

  /** The client goes on there without what its handler still had in work. */
  #tellLost(at: Cursor): void {
    this.reset(at, { reason: 'skipped', cursor: this.#output.cursor! });
  }

  /** @internal What follows the head at once. */
  takeStartFrame(): Frame | undefined {
    const frame = this.#startFrame;
    this.#startFrame = undefined;
    return frame;
  }

  /** @internal Sends a checkpoint, if the stream has moved past what the client has been sent. */
  checkpoint(): boolean {
    return (
      this.#stream !== undefined &&
      this.#output.checkpoint(this.#stream.position, (cursor) =>
        this.#response.checkpointFrame(cursor),
      )
    );
  }

  /** @internal */
  becameWritable(): void {
    const callback = this.#whenWritable;
    this.#whenWritable = undefined;
    callback?.();
  }

  /** @internal Whether its stream has handed on what this node has dispatched. */
  get isUpToDate(): boolean {
    return this.#stream?.isUpToDate ?? true;
  }

  /** @internal Whether it carries a hub stream now. */
  get carriesStream(): boolean {
    return this.#stream !== undefined;
  }

  /** @internal Whether the stream could change from live events to replay. */
  fallBehind(): boolean {
    return this.#stream?.fallBehind() ?? false;
  }

  /** @internal What serves it. */
  get response(): SseResponse {
    // Where a test has put another in its place, nobody asks for it.
    return this.#response as SseResponse;
  }
}
