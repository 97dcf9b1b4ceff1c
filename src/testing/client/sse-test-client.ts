import type { INestApplication } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { SseConnection } from '../../connection/sse-connection.js';
import type { Reset } from '../../hub/stream-connection.js';
import { AppUnderTest } from './app-under-test.js';
import { Arrivals, describeEvent, describeWanted } from './arrivals.js';
import type { StreamBlock } from './event-stream-parser.js';
import { Exchange } from './exchange.js';
import { parsed } from './sse-test-event.js';
import type { SseTestEvent } from './sse-test-event.js';
import { SseTestException } from './sse-test.exceptions.js';
import { placeOf, requestFor } from './stream-request.js';
import type { SseTestClientOptions, StreamRequest } from './stream-request.js';
import { describeEnd, streamEnd } from './stream-end.js';
import type { StreamEnd } from './stream-end.js';
import { Waiting } from './waiting.js';
import type { WaitOptions } from './waiting.js';

let defaultTimeout = 4_000;

/**
 * How long a client waits at most if its options do not say; for a set-up file of the test runner.
 *
 * @param milliseconds less than the runner's own limit, whose message shows less. 4,000 at first.
 */
export function setSseTestTimeout(milliseconds: number): void {
  defaultTimeout = milliseconds;
}

const open = new Set<SseTestClient>();

/** Closes every client that a test has left open; for `afterEach`. */
export async function closeSseTestClients(): Promise<void> {
  await Promise.all(Array.from(open, (client) => client.close()));
}

/**
 * A client of one stream that behaves as `EventSource` does, except that it reconnects when the
 * test says so, and shows the test everything that came.
 *
 * @example
 * ```ts
 * const client = await SseTestClient.connect(app, '/movies/events');
 * await hub.publish('movies', { type: 'movie.added', data: { title: 'Alien' } });
 * expect((await client.next('movie.added')).data).toEqual({ title: 'Alien' });
 * ```
 */
export class SseTestClient {
  readonly #app: AppUnderTest | undefined;
  readonly #request: StreamRequest;
  readonly #arrivals = new Arrivals();
  readonly #waiting: Waiting;
  /** Of the comments that mark how far the server has got, those that have come. */
  readonly #marks = new Set<string>();
  #exchange!: Exchange;
  /** The server's side of it. */
  #connection: SseConnection | undefined;
  #lastEventId: string | undefined;
  #retry: number | undefined;
  #lastOfResponse: SseTestEvent | undefined;
  #closed: StreamEnd | undefined;

  private constructor(
    app: AppUnderTest | undefined,
    request: StreamRequest,
    { lastEventId, timeout }: SseTestClientOptions,
  ) {
    this.#app = app;
    this.#request = request;
    this.#lastEventId = lastEventId;
    this.#waiting = new Waiting(timeout ?? defaultTimeout, {
      describe: () => this.#describe(),
      describeArrivals: () => this.#arrivals.describe(),
    });
  }

  /**
   * Connects, and resolves when the head of the response is here: what is published from then on
   * reaches the client. An answer that is no stream is a client too, with `status` and `body`.
   *
   * @param app one that does not listen yet is made to, on a free port of the loopback
   * @param path with the query
   * @throws SseTestTimeoutException when nothing answers in time; SseTestException for a path or a
   * URL that is none; what the socket fails with
   */
  static connect(
    app: INestApplication,
    path: string,
    options?: SseTestClientOptions,
  ): Promise<SseTestClient>;
  /**
   * The same with a server of which only the address is known: `settled()`, `expectNone()` and
   * `expireLease()` need the application.
   *
   * @param url of the stream
   */
  static connect(
    url: string,
    options?: SseTestClientOptions,
  ): Promise<SseTestClient>;
  static async connect(
    target: INestApplication | string,
    pathOrOptions: string | SseTestClientOptions = {},
    given: SseTestClientOptions = {},
  ): Promise<SseTestClient> {
    const isUrl = typeof target === 'string';
    const app = isUrl ? undefined : new AppUnderTest(target);
    const options = isUrl ? (pathOrOptions as SseTestClientOptions) : given;
    const place = isUrl
      ? placeOf(target)
      : { origin: await app!.origin(), path: pathOrOptions as string };
    const client = new SseTestClient(app, requestFor(place, options), options);
    await client.#open();
    return client;
  }

  /** The status of the response; 0 if the server could not be reached when it reconnected. */
  get status(): number {
    return this.#exchange.response?.statusCode ?? 0;
  }

  /** The headers of the response, by lower-case name. */
  get headers(): IncomingHttpHeaders {
    return this.#exchange.response?.headers ?? {};
  }

  /** The body of an answer that is no stream: parsed if it is JSON, else the text. */
  get body(): any {
    return parsed(this.#exchange.body);
  }

  /** The application's events that have come, also over earlier connections and also those handed out. */
  get events(): readonly SseTestEvent[] {
    return this.received.filter(({ isNotice }) => !isNotice);
  }

  /** The data of `events`. */
  get data(): readonly any[] {
    return this.events.map(({ data }) => data as unknown);
  }

  /** All events that have come, those of the library (`hub.…`) in their place among them. */
  get received(): readonly SseTestEvent[] {
    return this.#arrivals.received;
  }

  /** What each `hub.reset` has said. */
  get resets(): readonly Reset[] {
    return this.received
      .filter(({ type }) => type === 'hub.reset')
      .map(({ data }) => data as Reset);
  }

  /** Comments, such as heartbeats, without the colon. */
  get comments(): readonly string[] {
    return this.#arrivals.comments;
  }

  /** The text of each frame, with the blank line that ends it; the bytes, if they are UTF-8. */
  get frames(): readonly string[] {
    return this.#arrivals.frames;
  }

  /** All that has come, as text. */
  get text(): string {
    return (
      this.frames.join('') + this.#exchange.openBlock + this.#exchange.body
    );
  }

  /** The cursor that the client would reconnect with. */
  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  /** After how many milliseconds a browser would reconnect, as the stream has said last. */
  get retry(): number | undefined {
    return this.#exchange.retry ?? this.#retry;
  }

  /** How the stream has ended; `undefined` while it is open. */
  get closed(): StreamEnd | undefined {
    return this.#closed;
  }

  /**
   * The next event, each handed out once, in the order in which they came; waits for it.
   *
   * Without an argument it is one of the application's. With a type or a predicate it is the first
   * that fits, also `hub.reset` and the like; what stands before it stays for later calls, so
   * nothing gets lost.
   *
   * @param wanted a type, or a predicate
   * @throws SseTestTimeoutException that shows what came instead; SseTestException at once if
   * the server has ended the stream and it is not there
   */
  next<Data = any>(
    wanted?: string | ((event: SseTestEvent) => boolean),
    options?: WaitOptions,
  ): Promise<SseTestEvent<Data>> {
    return this.#waiting.for<SseTestEvent>(
      () => this.#arrivals.take(wanted),
      `an ${describeWanted(wanted)}`,
      { ...options, isOver: () => this.#endedByServer },
    );
  }

  /**
   * Fails if there is such an event that `next()` has not handed out, now or in what was published
   * before the call: it waits until that has arrived (`settled()`), and not for some time.
   *
   * @param wanted as for `next()`
   * @throws SseTestException that shows the event; what `settled()` throws
   */
  async expectNone(
    wanted?: string | ((event: SseTestEvent) => boolean),
  ): Promise<void> {
    await this.settled();
    const found = this.#arrivals.find(wanted);
    if (found !== undefined) {
      throw new SseTestException(
        `Expected no ${describeWanted(wanted)} on ${this.#describe()}, but there is one:\n${describeEvent(found)}\n${this.#arrivals.describe()}`,
      );
    }
  }

  /**
   * Resolves when everything that was published before the call has arrived here, if it is for this
   * stream: the log's entries were dispatched, the handler's operators have emitted, and the bytes
   * behind which that stands have come. What an operator holds back for later
   * (`debounceTime`, `delay`) is not waited for.
   *
   * @throws SseTestTimeoutException; SseTestException if the answer is no stream, or this client
   * cannot see inside the server, because it was given a URL or the stream is not of this package's
   * `@Sse()`
   */
  async settled(): Promise<void> {
    if (this.#app === undefined) {
      throw new SseTestException(
        'A client of a URL cannot know what its server has published. Give SseTestClient.connect the application.',
      );
    }
    if (!this.#exchange.isStream) {
      // Nothing can arrive, so that a test of nothing having arrived would pass whatever it tests.
      throw new SseTestException(
        `${this.#describe()}: nothing can arrive. Assert on its "status" and "body".`,
      );
    }
    if (this.#closed !== undefined) {
      return;
    }
    if (this.#connection === undefined) {
      throw new SseTestException(
        `${this.#describe()} is no stream of @Sse() from nestjs-sse-hub, so nobody knows what is on its way.`,
      );
    }
    const mark = `settled ${randomUUID()}`;
    const what = 'what was published before';
    await this.#waiting.within(
      this.#app.sendBehind(this.#connection, mark),
      what,
    );
    await this.#waiting.for(
      () => this.#marks.delete(mark) || this.#closed,
      what,
    );
  }

  /**
   * Waits until a condition on this client holds. It is asked at once, and again whenever something
   * arrives or the stream ends.
   *
   * @throws SseTestTimeoutException; SseTestException at once if the server has ended the stream, as
   * nothing more arrives before `reconnect()`; what the condition throws
   */
  async until(condition: () => boolean, options?: WaitOptions): Promise<void> {
    const what = `the condition ${condition.toString()}`;
    const isOver = () => this.#endedByServer;
    await this.#waiting.for(condition, what, { ...options, isOver });
  }

  /**
   * Waits until the stream has ended.
   *
   * @throws SseTestTimeoutException
   */
  untilClosed(options?: WaitOptions): Promise<StreamEnd> {
    const what = 'the end of the stream';
    return this.#waiting.for(() => this.#closed, what, options);
  }

  /** Stops reading, as a client does that cannot keep up. */
  pause(): void {
    this.#exchange.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#exchange.resume();
  }

  /**
   * Destroys the socket, as a lost network does. Resolves when the server has met it: the connection is
   * not listed any more, and hooks were called.
   */
  async dropConnection(): Promise<void> {
    this.#end({ how: 'dropped', clean: false });
    const server = this.#connection?.response.closed();
    await this.#waiting.within(
      Promise.all([this.#exchange.destroy(), server]),
      'the server to meet the loss of the connection',
    );
  }

  /**
   * Connects again with the same request and the cursor that the stream has given
   * (`Last-Event-ID`), after dropping the connection if it is open. Events that were not handed
   * out stay in front of those that come now.
   */
  async reconnect(): Promise<void> {
    await this.dropConnection();
    await this.#open();
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    open.delete(this);
    await this.dropConnection();
  }

  /**
   * @internal Its stream in the application.
   * @throws SseTestException if there is none
   */
  serverSide(): { app: INestApplication; connection: SseConnection } {
    const connection = this.#connection;
    if (this.#app === undefined || connection === undefined || this.#closed) {
      throw new SseTestException(
        `${this.#describe()} is no open stream of @Sse() in this process.`,
      );
    }
    return { app: this.#app.app, connection };
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<void> {
    open.add(this);
    this.#retry = this.#exchange === undefined ? undefined : this.retry;
    this.#closed = this.#lastOfResponse = this.#connection = undefined;
    const exchange = (this.#exchange = new Exchange({
      block: (block) => this.#receive(block),
      ended: (isWhole) => this.#end(streamEnd(this.#lastOfResponse, isWhole)),
    }));
    try {
      await this.#waiting.within(
        exchange.open(
          this.#request.origin,
          this.#request.with(this.#lastEventId),
        ),
        'the head of the response',
      );
    } catch (error) {
      await exchange.destroy();
      throw error;
    }
    this.#connection = this.#app?.connectionOf(exchange.port);
    if (!exchange.isStream) {
      await this.untilClosed();
    }
  }

  #receive(block: StreamBlock): void {
    const mark = block.comments[0];
    if (mark?.startsWith('settled ')) {
      this.#marks.add(mark);
    } else {
      this.#arrivals.add(block);
      if (block.data !== undefined) {
        this.#lastOfResponse = this.received.at(-1);
      }
      this.#lastEventId = block.id ?? this.#lastEventId;
    }
    this.#waiting.check();
  }

  #end(end: StreamEnd): void {
    this.#closed ??= end;
    this.#waiting.check();
  }

  get #endedByServer(): boolean {
    return this.#closed !== undefined && this.#closed.how !== 'dropped';
  }

  #describe(): string {
    const { method, path } = this.#request;
    const { isStream, body } = this.#exchange;
    if (this.status === 0) {
      return `${method} ${path} (not answered)`;
    }
    const state =
      this.#closed === undefined ? 'is open' : describeEnd(this.#closed);
    return isStream
      ? `${method} ${path} (${this.status}, ${state})`
      : `${method} ${path} (${this.status}, no stream: ${body.slice(0, 200)})`;
  }
}
