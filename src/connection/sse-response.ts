import { Observable } from 'rxjs';
import type { Cursor } from '../log/cursor.js';
import { Batches } from './batches.js';
import {
  COMPLETE,
  HEARTBEAT,
  closedFrame,
  errorFrame,
} from './control-frames.js';
import type { Flushable } from './flusher.js';
import type { Frame } from './frame.js';
import type { HandlerSink } from './handler-subscriber.js';
import { HandlerSubscriber, whenSubscribed } from './handler-subscriber.js';
import type { Beating } from './heartbeat.js';
import type { ResponseHost } from './response-host.js';
import { takeBackHead, writeHead } from './head.js';
import { LazyAbortController } from './lazy-abort-controller.js';
import { isPromise, toStream } from './handler-result.js';
import type { Platform } from './platform.js';
import type { Opened } from './opening.js';
import { Opening } from './opening.js';
import type { RawResponse } from './raw-response.js';
import {
  closeConnectionAfter,
  hasLeft,
  holdsBytes,
  uncork,
  onGone,
  whenGone,
} from './raw-response.js';
import type { Drained } from './response-writer.js';
import { ResponseWriter } from './response-writer.js';
import type { SseConnection } from './sse-connection.js';
import { StallWatch } from './stall-watch.js';
import type { OutputWarning } from './stream-output.js';

/** More than the frames of one replay slice and of the largest event take. */
const REPLAY_ALLOWANCE = 4 * 1024 * 1024;

/** What a pulled source may put ahead of the next flush. */
const QUEUE_BYTES = 64 * 1024;

/** The frames of the stream wait for the head, then go to the socket until the stream ends. */
export class SseResponse
  implements Flushable, Beating, HandlerSink, Opened, Drained
{
  readonly abort = new LazyAbortController();
  readonly #host: ResponseHost;
  readonly #maxPendingBytes: number;
  readonly #writer: ResponseWriter;
  #raw: RawResponse | undefined;
  #connection!: SseConnection;
  #opening: Opening | undefined;
  readonly #handler = new HandlerSubscriber(this);
  /** Whether interceptors of the method stand between the handler and us. */
  #isPiped = false;
  #state: 'opening' | 'open' | 'ended' = 'opening';
  /** Whether the client has a stream to take: one that ended before its head is answered by others. */
  #hasBody = false;
  #revoked = false;
  #dirty = false;
  /** The size of an event that is larger than what may be pending, until it has been taken. */
  #oversize = 0;
  readonly #stall = new StallWatch();
  #lastWriteAt: number;
  #lastCheckpointAt: number;

  constructor(host: ResponseHost, platform: Platform, maxPendingBytes: number) {
    const { raw } = platform;
    this.#host = host;
    this.#raw = raw;
    this.#opening = new Opening(platform, this);
    this.#maxPendingBytes = maxPendingBytes;
    this.#lastWriteAt = this.#lastCheckpointAt = host.now();
    this.#writer = new ResponseWriter(this);
    onGone(raw, () => this.#clientLeft());
    if (hasLeft(raw)) {
      // A guard or an interceptor took so long that 'close' is in the past.
      this.#clientLeft();
    }
  }

  /** Gives it the connection whose frames it sends. */
  connect(connection: SseConnection): void {
    this.#connection = connection;
  }

  get connection(): SseConnection {
    return this.#connection;
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  /** Whether the hub stream, if there is one, is authorized and knows where it starts. */
  get isReady(): boolean {
    return this.#connection.isReady;
  }

  /** Whether it failed before its head, and an interceptor may call the handler once more. */
  get mayBeServedAnew(): boolean {
    const raw = this.#raw;
    return this.ended && raw !== undefined && !raw.headersSent && !hasLeft(raw);
  }

  /** Whether nothing may be sent any more but that it has ended. */
  get revoked(): boolean {
    return this.#revoked;
  }

  /** The port of the client's socket, which tells clients of a test apart. */
  get clientPort(): number | undefined {
    return this.#raw?.req.socket.remotePort;
  }

  /** Whether the request is a HEAD request, whose response has no stream. */
  get isHead(): boolean {
    return this.#raw?.req.method === 'HEAD';
  }

  get headed(): boolean {
    return this.#state === 'open';
  }

  /** Whether frames wait for the head or the next flush. */
  get holdsFrames(): boolean {
    return this.#writer.queuedBytes > 0;
  }

  get congested(): boolean {
    return (
      this.#state !== 'open' ||
      this.#writer.blocked ||
      // A source that never lets the event loop turn would otherwise fill the bound before a flush.
      this.#writer.queuedBytes >=
        Math.min(QUEUE_BYTES, this.#maxPendingBytes / 4)
    );
  }

  /**
   * Calls the handler and takes the response over when it and its hub stream have
   * settled.
   *
   * @returns what Nest waits for, nothing if there is nothing to wait for; what
   * interceptors get, if they stand between the handler and us
   * @throws what the handler or its stream fail with until then
   */
  serve(call: () => unknown): unknown {
    const opening = this.#opening;
    if (opening === undefined) {
      // An interceptor of the method may call the handler behind the head, also again.
      return this.#isPiped && !this.ended ? this.#callPiped(call) : undefined;
    }
    opening.begin();
    if (opening.endsWith !== undefined) {
      opening.settle();
      return opening.outcome.get();
    }
    opening.handlerRuns = true;
    if (this.#isPiped) {
      return this.#callPiped(call);
    }
    try {
      const result = call();
      return isPromise(result)
        ? this.#runLater(result, opening)
        : this.#run(result, opening);
    } catch (error) {
      return this.#throw(error, opening);
    }
  }

  /**
   * Takes what comes out of the interceptors between the handler and us. The observable emits
   * once and completes when the response is taken over.
   */
  servePipeline(pipelineResult: Observable<unknown>): Observable<undefined> {
    return new Observable((pipeline) => {
      const opening = this.#opening;
      opening?.begin();
      if (opening?.endsWith !== undefined) {
        opening.settle();
      } else if (opening !== undefined) {
        pipeline.add(() => opening.abandon());
        this.#isPiped = true;
        pipelineResult.subscribe(this.#handler);
      }
      Promise.resolve()
        .then(() => opening?.outcome.get())
        .then(
          () => {
            pipeline.next(undefined);
            pipeline.complete();
          },
          (error: unknown) => pipeline.error(error),
        );
    });
  }

  /** Takes what the handler emits. */
  emit(value: unknown): void {
    if (this.#state !== 'ended') {
      this.#opening?.emitted();
      this.#connection.emit(value);
    }
  }

  /** What the handler returned has completed. */
  complete(): void {
    this.#connection.whenResumed(() => this.#complete());
  }

  /** What the handler returned has failed. */
  failed(error: unknown): void {
    this.#connection.whenResumed(() => this.fail(error));
  }

  #complete(): void {
    this.#connection.endWork();
    if (this.#host.closing) {
      // Because the application closes: the page is to come back.
      this.end('shutdown', this.#host.retryFrame());
    } else {
      this.end('complete', COMPLETE);
    }
  }

  /** The hub stream knows where it starts. */
  progress(): void {
    this.#opening?.progress();
  }

  send(frame: Frame): void {
    if (this.#state === 'ended' || this.#revoked) {
      return;
    }
    this.#writer.push(frame);
    if (frame.length > this.#maxPendingBytes) {
      this.#oversize = Math.max(this.#oversize, frame.length);
    }
    if (this.#writer.queuedBytes > this.#maxPendingBytes + this.#oversize) {
      this.#relieve();
    } else if (this.#state === 'open') {
      this.#markDirty();
    }
  }

  flush(batches: Batches, now: number): void {
    this.#dirty = false;
    if (this.#state !== 'open') {
      return;
    }
    const keptUp = !this.#writer.blocked;
    this.#writer.flush(batches);
    if (this.#writer.blocked) {
      if (keptUp) {
        this.#stall.begin(this.#raw, now);
      }
      this.#checkPending();
    } else {
      this.#oversize = 0;
      this.#lastWriteAt = now;
      this.#connection.becameWritable();
    }
  }

  get beats(): boolean {
    return this.#hasBody && this.#raw !== undefined;
  }

  get blocked(): boolean {
    return this.#state === 'ended' || this.#writer.blocked;
  }

  stalledSince(now: number): number {
    return this.#stall.since(this.#raw, now);
  }

  get lastWriteAt(): number {
    return this.#lastWriteAt;
  }

  get lastCheckpointAt(): number {
    return this.#lastCheckpointAt;
  }

  checkpoint(now: number): boolean {
    this.#lastCheckpointAt = now;
    return this.#connection.checkpoint();
  }

  beat(): void {
    this.send(HEARTBEAT);
  }

  checkpointFrame(cursor: Cursor): Frame {
    return this.#host.checkpointFrame(cursor);
  }

  /** A hub stream was given to the connection. */
  attached(isFirst: boolean): void {
    this.#host.attached(this, isFirst);
  }

  warn(warning: OutputWarning): void {
    this.#host.warn(this, warning);
  }

  /** Ends the stream behind a last frame, when what was sent before has been written. */
  end(reason: string, frame?: Frame): void {
    if (this.#state === 'open') {
      if (frame !== undefined) {
        this.#writer.push(frame);
      }
      this.#finish(reason, () => this.#writer.end());
    } else if (this.#opening !== undefined) {
      this.#opening.endsWith ??= { reason, frame };
      this.#stopHandler();
      this.#opening.settle();
    }
  }

  /** Ends the stream at the event that could not be processed. */
  fail(error: unknown): void {
    if (this.#connection.excuses(error)) {
      this.#connection.close('unavailable');
      return;
    }
    const opening = this.#opening;
    if (opening?.isWaiting) {
      opening.outcome.fail(error);
      this.#finish('failed');
    } else if (this.#state !== 'ended') {
      const at = this.#connection.failedAt();
      this.end('failed', errorFrame(this.#host.failed(this, error), at));
    }
  }

  /**
   * Ends the stream because its user may not have it any more. What is not on the wire is
   * dropped, and a client that has not taken what was written is cut: those bytes would
   * reach it later.
   */
  revoke(reason: string): void {
    if (this.#revoked) {
      return;
    }
    this.#revoked = true;
    this.#writer.drop();
    this.#connection.stop();
    const frame = closedFrame(reason, undefined);
    if (this.#opening !== undefined) {
      this.#opening.endsWith = { reason, frame };
      this.#stopHandler();
      this.#opening.settle();
      return;
    }
    uncork(this.#raw);
    if (holdsBytes(this.#raw)) {
      this.cut(reason);
    } else if (this.#state === 'open') {
      this.#writer.push(frame);
      this.#finish(reason, () => this.#writer.end());
    }
  }

  /** Ends the stream at once; what the client has not read is lost to this response. */
  cut(reason: string): void {
    const raw = this.#raw;
    const isOurs = !this.ended || this.#hasBody;
    this.#finish(reason);
    if (isOurs) {
      raw?.destroy();
    }
  }

  /** Resolves when the bytes have left, or the client has. */
  closed(): Promise<void> {
    return whenGone(this.#raw);
  }

  /** Ends the stream because the server goes, and the connection behind it. */
  shutDown(retry: Frame): void {
    closeConnectionAfter(this.#raw);
    this.end('shutdown', this.#state === 'open' ? retry : undefined);
  }

  /** Destroys what has not left. */
  destroy(): void {
    this.#raw?.destroy();
  }

  async #runLater(result: Promise<unknown>, opening: Opening): Promise<void> {
    try {
      const settled = await result;
      if (opening.isAnswered) {
        opening.abandon();
      }
      await this.#run(settled, opening);
    } catch (error) {
      return this.#throw(error, opening);
    }
  }

  /** Answers the request with an exception, unless the client has left or the stream ends. */
  #throw(error: unknown, opening: Opening): Promise<void> | undefined {
    if (this.#connection.excuses(error)) {
      this.#connection.close('unavailable');
    }
    if (this.#opening === opening && opening.isWaiting) {
      this.#finish('failed');
    } else if (!opening.outcome.failed) {
      return opening.outcome.get();
    }
    throw error;
  }

  #run(result: unknown, opening: Opening): Promise<void> | undefined {
    const stream = toStream(this.#connection, result);
    if (this.#opening === opening) {
      stream.subscribe(this.#handler);
      // Unless it has failed at once.
      this.#opening?.settle();
    }
    return opening.outcome.get();
  }

  #callPiped(call: () => unknown): unknown {
    const result = call();
    return isPromise(result)
      ? result.then((value) => this.#handOn(value))
      : this.#handOn(result);
  }

  #handOn(result: unknown): Observable<unknown> | undefined {
    const stream = toStream(this.#connection, result);
    // The client left, or the pipeline gave up, while the handler worked.
    return this.ended
      ? undefined
      : whenSubscribed(stream, () => this.#opening?.settle());
  }

  /** Writes the head: the response is ours, unless it cannot be written. */
  open(raw: RawResponse): boolean {
    const opening = this.#opening;
    if (opening === undefined) {
      return true;
    }
    try {
      this.#writeHead(raw);
    } catch (error) {
      return this.#headFailed(raw, opening, error);
    }
    if (this.#opening === opening) {
      this.#opened(raw, opening);
    }
    opening.outcome.done();
    return true;
  }

  #writeHead(raw: RawResponse): void {
    const start = this.#connection.takeStartFrame();
    const retry = this.#host.retryFrame();
    writeHead(
      raw,
      this.#writer,
      start === undefined ? [retry] : [retry, start],
      this.#host,
    );
  }

  #opened(raw: RawResponse, { endsWith }: Opening): void {
    this.#opening = undefined;
    this.#state = 'open';
    this.#hasBody = !this.isHead;
    this.#lastWriteAt = this.#host.now();
    this.#host.opened(this);
    if (endsWith !== undefined) {
      this.end(endsWith.reason, endsWith.frame);
    } else if (this.#host.closing) {
      this.end('shutdown');
    } else if (!this.#hasBody) {
      // Its answer is complete; behind a response that goes on it would not be told so for long,
      // and all that is sent would wait for it.
      this.#finish('client');
    } else if (this.#writer.blocked) {
      this.#stall.begin(raw, this.#lastWriteAt);
      this.#checkPending();
    } else {
      this.#connection.becameWritable();
    }
  }

  /** What a listener for the head has thrown, or Node, is the request's while that can be answered. */
  #headFailed(raw: RawResponse, opening: Opening, error: unknown): boolean {
    if (raw.headersSent) {
      this.#host.failed(this, error);
      this.cut('failed');
      return true;
    }
    takeBackHead(raw);
    opening.outcome.fail(error);
    this.#finish('failed');
    return false;
  }

  /** The response is not ours, and will not be. */
  giveUp(reason: string): void {
    this.#finish(reason);
  }

  /** A source that emits this much in one turn would otherwise queue without limit. */
  #relieve(): void {
    if (this.#opening?.handlerRuns) {
      // It emits, so it has settled.
      this.#opening.settle();
    }
    if (this.#state === 'open') {
      this.flush(new Batches(), this.#host.now());
    } else {
      this.cut('slow');
    }
  }

  /** A client that did not keep up has taken what was written. */
  drained(): void {
    this.#markDirty();
  }

  #markDirty(): void {
    if (!this.#dirty) {
      this.#dirty = true;
      this.#host.markDirty(this);
    }
  }

  #checkPending(): void {
    // What waits only for other heads to leave with is not what the client is behind with.
    uncork(this.#raw);
    const { pendingBytes } = this.#writer;
    if (
      pendingBytes > this.#maxPendingBytes / 4 &&
      this.#connection.fallBehind()
    ) {
      return;
    }
    // What a replay has handed on is bounded by its slice, not by the client. Nor is it the
    // client's slowness that one event, such as a list, is larger than the bound.
    const allowance = this.#connection.carriesStream ? REPLAY_ALLOWANCE : 0;
    if (pendingBytes > this.#maxPendingBytes + allowance + this.#oversize) {
      this.cut('slow');
    }
  }

  #clientLeft(): void {
    const raw = this.#raw;
    this.#finish('client');
    this.#raw = undefined;
    this.#host.gone(this);
    if (raw?.headersSent && !raw.writableEnded) {
      // Middleware that wraps end() waits for it, as express-session does to save.
      try {
        raw.end();
      } catch (error) {
        this.#host.failed(this, error);
      }
    }
  }

  #stopHandler(): void {
    try {
      this.#handler.unsubscribe();
    } catch (error) {
      // A finalizer of the handler's threw: the end, and who ends many, must not fail by it.
      this.#host.failed(this, error);
    }
  }

  #finish(reason: string, endWriting = () => this.#writer.release()): void {
    if (this.#state === 'ended') {
      return;
    }
    const opening = this.#opening;
    const wasOpen = this.#state === 'open';
    this.#opening = undefined;
    this.#state = 'ended';
    this.#stopHandler();
    // What holds on to the stream by itself, as an async generator does, has no client any more.
    this.#connection?.stop();
    try {
      endWriting();
    } catch (error) {
      // Middleware that wraps `end` threw: who ends many must not fail by it.
      this.#host.failed(this, error);
      this.#raw?.destroy();
    }
    this.#stall.begin(this.#raw, this.#host.now());
    this.abort.abort(reason);
    this.#host.ended(this, reason, wasOpen);
    opening?.outcome.done();
  }
}
