import { SseTestClient } from 'nestjs-sse-hub/testing';
import { freePort } from '../support/free-port.js';
import { SampleApp } from './sample-app.js';

export interface Message {
  user_id: string;
  message: string;
  id: string;
  at: string;
}

export const JSON_TYPE = 'application/json';
export const FORM = 'application/x-www-form-urlencoded';

/** The built chat in a process of its own. */
export class ChatApp extends SampleApp {
  private readonly streams: SseTestClient[] = [];

  private constructor(port: number, log: string) {
    super('chat', port, { LOG: log });
  }

  /** @param log as `LOG` takes it */
  static async create(log = 'memory'): Promise<ChatApp> {
    const app = new ChatApp(await freePort(), log);
    await app.start();
    return app;
  }

  async dispose(): Promise<void> {
    await this.drop();
    await this.end();
  }

  /** Cuts what `listen` opened. */
  async drop(): Promise<void> {
    await Promise.all(this.streams.splice(0).map((stream) => stream.close()));
  }

  async listen(path: string, cookie?: string): Promise<SseTestClient> {
    const stream = await SseTestClient.connect(this.url + path, {
      headers: cookie === undefined ? {} : { cookie },
    });
    this.streams.push(stream);
    return stream;
  }

  /** The history of who comes now, as one with `?id=` sees it. */
  async history(id = 'reader'): Promise<unknown> {
    const stream = await this.listen(`/messages?id=${id}`);
    const { data } = await stream.next('message');
    await stream.dropConnection();
    return data;
  }

  /** Sends a body as it is to `POST /message`. */
  post(
    body: string,
    type?: string,
    path = '/message?id=1234',
  ): Promise<Response> {
    return fetch(this.url + path, {
      method: 'POST',
      body,
      headers: type === undefined ? {} : { 'Content-Type': type },
    });
  }

  /** Says something as whoever one says one is. */
  async say(id: string, message: string): Promise<Message> {
    return this.accepted(
      await this.send('POST', `/message?id=${id}`, { message }),
    );
  }

  /** @returns a guest, with the first stream that made it one */
  async guest(): Promise<Guest> {
    const stream = await this.listen('/messages');
    const [cookie] = stream.headers['set-cookie']!;
    const { data } = await stream.next('present');
    return new Guest(this, stream, cookie!.split(';')[0]!, data.you);
  }

  async accepted(response: Response): Promise<Message> {
    if (response.status !== 200) {
      throw new Error(`Not said: ${response.status} ${await response.text()}`);
    }
    return response.json() as Promise<Message>;
  }
}

/** Whoever is known by a cookie. */
export class Guest {
  constructor(
    private readonly app: ChatApp,
    readonly stream: SseTestClient,
    readonly cookie: string,
    readonly id: string,
  ) {}

  post(body: object, headers?: Record<string, string>): Promise<Response> {
    return this.app.send('POST', '/message', body, {
      Cookie: this.cookie,
      ...headers,
    });
  }

  async say(message: string): Promise<Message> {
    return this.app.accepted(await this.post({ message }));
  }

  listen(path = '/messages'): Promise<SseTestClient> {
    return this.app.listen(path, this.cookie);
  }
}

/** Whom the last `present` of a stream names. */
export async function present(
  stream: SseTestClient,
  users: string[],
): Promise<void> {
  await stream.until(() => {
    const last = stream.received.findLast(({ type }) => type === 'present');
    return (
      last !== undefined &&
      JSON.stringify(last.data.users.toSorted()) ===
        JSON.stringify(users.toSorted())
    );
  });
}

/** The messages that a stream brought one by one. */
export const heard = (stream: SseTestClient) =>
  stream.received
    .filter(({ type, data }) => type === 'message' && !Array.isArray(data))
    .map(({ data }) => data.message as string);

/** Waits for a message, which everybody gets behind what came before. */
export async function hears(
  stream: SseTestClient,
  message: string,
): Promise<void> {
  await stream.until(() => heard(stream).includes(message));
}

/** What a stream brought of the past at once. */
export const histories = (stream: SseTestClient) =>
  stream.received.filter(({ data }) => Array.isArray(data));
