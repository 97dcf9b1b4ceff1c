import http from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import https from 'node:https';
import { EventStreamParser } from './event-stream-parser.js';
import type { StreamBlock } from './event-stream-parser.js';
import type { Origin } from './app-under-test.js';

/** What is asked for. */
export interface ExchangeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Uint8Array | undefined;
}

/** Who is told what comes, until the exchange is destroyed. */
export interface ExchangeListener {
  block(block: StreamBlock): void;
  /** @param isWhole whether the response came to its end, and was not cut off */
  ended(isWhole: boolean): void;
}

/** One request on a socket of its own, and its response. */
export class Exchange {
  readonly #listener: ExchangeListener;
  readonly #parser: EventStreamParser;
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #socketClosed: Promise<void> = Promise.resolve();
  #port: number | undefined;
  #destroyed = false;
  #body = '';

  constructor(listener: ExchangeListener) {
    this.#listener = listener;
    this.#parser = new EventStreamParser((block) => listener.block(block));
  }

  /** Sends the request; resolves when the head of the response is here. */
  open(
    origin: Origin,
    { body, path, ...rest }: ExchangeRequest,
  ): Promise<void> {
    const { request } = origin.protocol === 'https:' ? https : http;
    return new Promise((resolve, reject) => {
      const sent = (this.#request = request({
        ...rest,
        ...origin,
        path,
        headers: { ...rest.headers },
        agent: false,
        // A test's certificate is nobody's.
        rejectUnauthorized: false,
      } as https.RequestOptions));
      sent.on('socket', (socket) => {
        this.#socketClosed = new Promise((closed) =>
          socket.once('close', () => closed()),
        );
      });
      sent.on('response', (response) => {
        this.#port = response.socket.localPort;
        this.#receive(response);
        resolve();
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** The port from which it was sent. */
  get port(): number | undefined {
    return this.#port;
  }

  /** The response, once its head is here. */
  get response(): IncomingMessage | undefined {
    return this.#response;
  }

  /** Whether the response is an event stream. */
  get isStream(): boolean {
    const type = this.#response?.headers['content-type'];
    return type?.startsWith('text/event-stream') ?? false;
  }

  /** The body of a response that is no event stream. */
  get body(): string {
    return this.#body;
  }

  /** What has come of a block that has no end yet. */
  get openBlock(): string {
    return this.#parser.open;
  }

  get retry(): number | undefined {
    return this.#parser.retry;
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  /** Destroys the socket; resolves when it is closed. What still arrives is nobody's. */
  destroy(): Promise<void> {
    this.#destroyed = true;
    this.#request?.destroy();
    return this.#socketClosed;
  }

  #receive(response: IncomingMessage): void {
    this.#response = response;
    const { isStream } = this;
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      if (this.#destroyed) {
        return;
      }
      if (isStream) {
        this.#parser.feed(text);
      } else {
        this.#body += text;
      }
    });
    // A response that is cut off says so by its `close`.
    response.on('error', () => undefined);
    response.on('close', () => {
      if (!this.#destroyed) {
        this.#listener.ended(response.complete);
      }
    });
  }
}
