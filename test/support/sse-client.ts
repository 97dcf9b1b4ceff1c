import { createParser } from 'eventsource-parser';
import http from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';

export interface ReceivedEvent {
  /** `message` when the block had no `event` field. */
  readonly type: string;
  /** The block's own `id` field. */
  readonly id: string | undefined;
  readonly data: string;
}

export interface ClientOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly lastEventId?: string;
}

/** A client of one stream that resumes as EventSource does (WHATWG HTML, 9.2). */
export class SseClient {
  readonly events: ReceivedEvent[] = [];
  readonly comments: string[] = [];
  readonly retries: number[] = [];
  lastEventId: string | undefined;
  text = '';
  response!: IncomingMessage;
  /** Resolves when the response has ended: `true` cleanly, `false` cut. */
  ended!: Promise<boolean>;
  #request: ClientRequest | undefined;
  #read = 0;
  readonly #waiting = new Set<() => void>();

  private constructor(
    private readonly url: string,
    private readonly options: ClientOptions,
  ) {
    this.lastEventId = options.lastEventId;
  }

  /** Connects and resolves with the head. */
  static async connect(
    url: string,
    options: ClientOptions = {},
  ): Promise<SseClient> {
    const client = new SseClient(url, options);
    await client.reconnect();
    return client;
  }

  get status(): number {
    return this.response.statusCode!;
  }

  /** Events that an app would see: all but the library's notices. */
  get appEvents(): ReceivedEvent[] {
    return this.events.filter(({ type }) => !type.startsWith('hub.'));
  }

  /** The data of the app's events, parsed. */
  get data(): any[] {
    return this.appEvents.map(({ data }) => JSON.parse(data) as unknown);
  }

  /** The first event not yet returned that fits; waits for it. */
  async next(
    wanted: string | ((event: ReceivedEvent) => boolean) = (event) =>
      !event.type.startsWith('hub.'),
  ): Promise<ReceivedEvent> {
    const fits =
      typeof wanted === 'string'
        ? (e: ReceivedEvent) => e.type === wanted
        : wanted;
    await this.until(() => {
      while (
        this.#read < this.events.length &&
        !fits(this.events[this.#read]!)
      ) {
        this.#read++;
      }
      return this.#read < this.events.length;
    });
    return this.events[this.#read++]!;
  }

  /** Waits until a condition on this client holds; it is asked again whenever bytes arrive. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (condition()) {
          this.#waiting.delete(check);
          resolve();
        }
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Cuts the connection, as a lost network does. */
  drop(): void {
    this.#request?.destroy();
  }

  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  /** Connects again, with the cursor that the stream has given. */
  async reconnect(): Promise<void> {
    this.drop();
    const headers: Record<string, string> = {
      accept: 'text/event-stream',
      ...this.options.headers,
    };
    if (this.lastEventId !== undefined && this.lastEventId !== '') {
      headers['last-event-id'] = this.lastEventId;
    }
    await new Promise<void>((resolve, reject) => {
      this.#request = http.request(
        this.url,
        { agent: false, method: this.options.method ?? 'GET', headers },
        (response) => {
          this.response = response;
          this.#read = this.events.length;
          this.#receive(response);
          resolve();
        },
      );
      this.#request.on('error', reject);
      this.#request.end();
    });
  }

  #receive(response: IncomingMessage): void {
    const parser = createParser({
      onEvent: ({ event, id, data }) => {
        this.lastEventId = id ?? this.lastEventId;
        this.events.push({ type: event ?? 'message', id, data });
      },
      onRetry: (retry) => this.retries.push(retry),
      onComment: (comment) => this.comments.push(comment),
    });
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      this.text += text;
      parser.feed(text);
      this.#check();
    });
    response.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      response.on('close', () => {
        resolve(response.complete);
        this.#check();
      });
    });
  }

  #check(): void {
    for (const check of Array.from(this.#waiting)) {
      check();
    }
  }
}

const open = new Set<SseClient>();

/** Connects a client that `dropClients` drops after the test. */
export async function connect(
  url: string,
  options?: ClientOptions,
): Promise<SseClient> {
  const client = await SseClient.connect(url, options);
  open.add(client);
  return client;
}

/** Drops what the tests of a file connected; for `afterEach`. */
export function dropClients(): void {
  for (const client of open) {
    client.drop();
  }
  open.clear();
}
