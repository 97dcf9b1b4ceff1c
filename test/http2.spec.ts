import { Controller, Get } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import http2 from 'node:http2';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
} from 'node:http2';
import { Subject } from 'rxjs';
import {
  Connection,
  EventHub,
  HubEvent,
  MemoryLog,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import { driveClock, releaseClock } from './support/driven-clock.js';
import { eventually, settled } from './support/eventually.js';
import { closeApps, startApp } from './support/running-app.js';
import type { AppParts } from './support/running-app.js';
import { blocksOf } from './support/wire.js';
import { brief } from './support/wire-client.js';

const adapter = () =>
  new FastifyAdapter({ http2: true }) as unknown as AbstractHttpAdapter;

const connections: SseConnection[] = [];
let source: Subject<string>;

@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    connections.push(connection);
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Sse('finite')
  finite(@Connection() connection: SseConnection) {
    connections.push(connection);
    return source;
  }

  @Get('json')
  json() {
    return { json: true };
  }
}

const parts = (): AppParts => ({
  controllers: [StreamsController],
  options: {
    log: new MemoryLog({ maxBytes: 2 ** 30 }),
    slowClient: { maxPendingBytes: 1024 * 1024 },
  },
});

/** A stream of a session, read as text. */
class Http2Client {
  headers!: IncomingHttpHeaders;
  /** Resolves when the stream has closed, with the code of its RST_STREAM. */
  readonly closed: Promise<number>;
  readonly #chunks: string[] = [];
  #tail = '';
  readonly #waiting = new Set<() => void>();

  private constructor(readonly stream: ClientHttp2Stream) {
    stream.setEncoding('utf8');
    stream.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      stream.on('close', () => resolve(stream.rstCode)),
    );
  }

  static async request(
    session: ClientHttp2Session,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Http2Client> {
    const client = new Http2Client(
      session.request({ ':path': path, ...headers }),
    );
    await new Promise<void>((resolve, reject) => {
      client.stream.once('response', (received) => {
        client.headers = received;
        resolve();
      });
      client.stream.once('error', reject);
    });
    return client;
  }

  get text(): string {
    return this.#chunks.join('');
  }

  /** Reads from now on. Until then the server has no more than the window to send. */
  read(): this {
    this.stream.on('data', (text: string) => {
      this.#chunks.push(text);
      this.#tail = (this.#tail + text).slice(-1024);
      this.#waiting.forEach((check) => check());
    });
    return this;
  }

  /** Waits until the newest text holds what is wanted. */
  untilTail(wanted: string): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#tail.includes(wanted)) {
          this.#waiting.delete(check);
          resolve();
        }
      };
      this.#waiting.add(check);
      check();
    });
  }

  get appBlocks(): string[] {
    return blocksOf(this.text).filter(
      (block) => /^data: /m.test(block) && !/^event: hub\./m.test(block),
    );
  }
}

const blockOf = ({ id, data }: HubEvent): string =>
  `id: ${id}\ndata: ${JSON.stringify(data)}`;

/** How the block of an event ends; `n` is the last of its data. */
const endOf = (n: number): string => `"n":${n}}\n\n`;

function publish(
  hub: EventHub,
  from: number,
  to: number,
  extra = {},
): Promise<HubEvent[]> {
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return Promise.all(
    numbers.map((n) => hub.publish('numbers', { data: { ...extra, n } })),
  );
}

describe('HTTP/2 (Fastify)', () => {
  let sessions: ClientHttp2Session[];

  const openSession = (url: string): ClientHttp2Session => {
    const session = http2.connect(url);
    session.on('error', () => undefined);
    // As browsers do: a stream that is not read must not use up what the session may take.
    session.on('connect', () => session.setLocalWindowSize(2 ** 24));
    sessions.push(session);
    return session;
  };

  beforeEach(() => {
    connections.length = 0;
    source = new Subject();
    sessions = [];
  });

  afterEach(async () => {
    releaseClock();
    sessions.forEach((session) => session.destroy());
    await closeApps();
  });

  it('has a head without the fields that HTTP/2 forbids', async () => {
    const { url } = await startApp(adapter, parts());
    const client = await Http2Client.request(openSession(url), '/events');
    expect(client.headers).toMatchObject({
      ':status': 200,
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    for (const forbidden of [
      'connection',
      'keep-alive',
      'transfer-encoding',
      'upgrade',
      'content-length',
    ]) {
      expect(client.headers).not.toHaveProperty(forbidden);
    }
  });

  it('sends reconnection time and cursor at once, then every event as it is published', async () => {
    const { hub, url } = await startApp(adapter, parts());
    const client = await Http2Client.request(openSession(url), '/events');
    await client.read().untilTail('hub.checkpoint');
    const events: HubEvent[] = [];
    for (let n = 1; n <= 5; n++) {
      events.push(...(await publish(hub, n, n, { text: '日本語' })));
      await client.untilTail(endOf(n));
    }
    events.push(...(await publish(hub, 6, 256)));
    await client.untilTail(endOf(256));
    expect(client.text).toMatch(/^retry: \d+\n\nevent: hub\.checkpoint\n/);
    expect(client.appBlocks).toEqual(events.map(blockOf));
  });

  it('Invariant 5, whole frames: many streams of one session get their events, and end at a boundary', async () => {
    const { hub, url } = await startApp(adapter, parts());
    const session = openSession(url);
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => Http2Client.request(session, '/events')),
    );
    clients.forEach((client) => client.read());
    const events = await publish(hub, 1, 64);
    connections.forEach((connection) => connection.close('done'));
    expect(await Promise.all(clients.map((client) => client.closed))).toEqual(
      Array(50).fill(http2.constants.NGHTTP2_NO_ERROR),
    );
    for (const { text, appBlocks } of clients) {
      expect(appBlocks).toEqual(events.slice(0, appBlocks.length).map(blockOf));
      expect(
        text.endsWith('event: hub.closed\ndata: {"reason":"done"}\n\n'),
      ).toBe(true);
    }
    await eventually(() => hub.connections().length === 0);
  });

  it('ends a stream that completes behind hub.complete, and serves others on the session', async () => {
    const { url } = await startApp(adapter, parts());
    const session = openSession(url);
    const client = (await Http2Client.request(session, '/finite')).read();
    source.next('one');
    source.complete();
    source.next('late');
    expect(await client.closed).toBe(http2.constants.NGHTTP2_NO_ERROR);
    expect(blocksOf(client.text).slice(1)).toEqual([
      'data: one',
      'event: hub.complete\ndata: {}',
    ]);
    const json = (await Http2Client.request(session, '/json')).read();
    await json.closed;
    expect(json.text).toBe('{"json":true}');
  });

  it('Invariant 6, bounded memory: a client that does not read is bounded, and reads on without hole or double', async () => {
    const streams: http2.ServerHttp2Stream[] = [];
    const { app, hub, url } = await startApp(adapter, parts());
    app
      .getHttpServer()
      .on('stream', (stream: http2.ServerHttp2Stream) => streams.push(stream));
    const session = openSession(url);
    const stalled = await Http2Client.request(session, '/events');
    const reader = (await Http2Client.request(session, '/events')).read();
    const events: HubEvent[] = [];
    let most = 0;
    for (let from = 1; from <= 320; from += 16) {
      events.push(
        ...(await publish(hub, from, from + 15, {
          text: 'x'.repeat(32 * 1024),
        })),
      );
      most = Math.max(most, ...streams.map((stream) => stream.writableLength));
    }
    await reader.untilTail(endOf(320));
    expect(stalled.text).toBe('');
    expect(most).toBeLessThanOrEqual(1024 * 1024);
    expect(hub.connections()).toHaveLength(2);

    await stalled.read().untilTail(endOf(320));
    expect(brief(reader.appBlocks)).toEqual(brief(events.map(blockOf)));
    expect(brief(stalled.appBlocks)).toEqual(brief(events.map(blockOf)));
  });

  it('Invariant 6, bounded memory: cuts a stream over the bound, and leaves its session alone', async () => {
    const { hub, url } = await startApp(adapter, parts());
    const session = openSession(url);
    const stalled = await Http2Client.request(session, '/finite');
    const other = (await Http2Client.request(session, '/events')).read();
    for (let i = 0; i < 4; i++) {
      source.next('x'.repeat(512 * 1024));
    }
    await eventually(() => hub.connections().length === 1);
    expect(connections[0]!.signal.reason).toBe('slow');
    const events = await publish(hub, 1, 8);
    await other.untilTail(endOf(8));
    expect(other.appBlocks).toEqual(events.map(blockOf));
    expect(session.destroyed).toBe(false);
    stalled.read();
    expect(await stalled.closed).not.toBe(undefined);
  });

  it('Invariant 6, bounded memory: cuts a client that stalls, which resumes by its cursor', async () => {
    const clock = driveClock();
    const streams: http2.ServerHttp2Stream[] = [];
    const { app, hub, url } = await startApp(adapter, {
      ...parts(),
      options: {
        ...parts().options,
        heartbeat: 100,
        slowClient: { stallTimeout: 1_000 },
      },
    });
    app
      .getHttpServer()
      .on('stream', (stream: http2.ServerHttp2Stream) => streams.push(stream));
    const session = openSession(url);
    const stalled = await Http2Client.request(session, '/events');
    const watch = (
      await Http2Client.request(openSession(url), '/finite')
    ).read();
    /** Waits until every stream was swept after the clock has moved on by a heartbeat. */
    const swept = () => {
      const { length } = watch.text;
      return eventually(() => watch.text.length > length);
    };
    const cursor = await hub.head();
    const events = await publish(hub, 1, 64, { text: 'x'.repeat(32 * 1024) });
    await settled(() => streams[0]!.writableLength);
    expect(connections[0]!.signal.aborted).toBe(false);
    // Once, unless the session takes bytes as late as that: then the stall counts anew.
    while (!connections[0]!.signal.aborted) {
      clock.advance(1_000);
      await swept();
    }
    expect(connections[0]!.signal.reason).toBe('stalled');
    stalled.read();
    await stalled.closed;

    const again = await Http2Client.request(session, '/events', {
      'last-event-id': cursor,
    });
    await again.read().untilTail(endOf(64));
    expect(brief(again.appBlocks)).toEqual(brief(events.map(blockOf)));
  });

  it('Invariant 9, one bad stream hurts itself only: a client resets its stream mid-write', async () => {
    const { hub, url } = await startApp(adapter, parts());
    const session = openSession(url);
    const other = (await Http2Client.request(session, '/events')).read();
    const resetting = await Promise.all(
      Array.from({ length: 20 }, () => Http2Client.request(session, '/events')),
    );
    const published = publish(hub, 1, 64, { text: 'x'.repeat(32 * 1024) });
    resetting.forEach(({ stream }) =>
      stream.close(http2.constants.NGHTTP2_CANCEL),
    );
    const events = await published;
    await other.untilTail(endOf(64));
    expect(brief(other.appBlocks)).toEqual(brief(events.map(blockOf)));
    await eventually(() => hub.connections().length === 1);
  });

  it('Invariant 9, one bad stream hurts itself only: a session that is destroyed mid-write leaves nothing', async () => {
    const { hub, url } = await startApp(adapter, parts());
    const session = openSession(url);
    await Promise.all(
      Array.from({ length: 20 }, () => Http2Client.request(session, '/events')),
    );
    const published = publish(hub, 1, 64, { text: 'x'.repeat(32 * 1024) });
    session.destroy();
    await published;
    await eventually(() => hub.connections().length === 0);
  });

  it('answers HEAD with the head only', async () => {
    const { hub, url } = await startApp(adapter, parts());
    const client = await Http2Client.request(openSession(url), '/events', {
      ':method': 'HEAD',
    });
    client.read();
    expect(await client.closed).toBe(http2.constants.NGHTTP2_NO_ERROR);
    expect(client.headers).toMatchObject({
      ':status': 200,
      'content-type': 'text/event-stream',
    });
    expect(client.text).toBe('');
    expect(hub.connections()).toHaveLength(0);
  });

  it('Invariant 7, closing closes: streams end at a boundary behind a retry, and the app closes', async () => {
    const { app, hub, url } = await startApp(adapter, parts());
    const session = openSession(url);
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => Http2Client.request(session, '/events')),
    );
    const head = await hub.head();
    clients.forEach((client) => client.read());
    const closing = app.close();
    expect(await Promise.all(clients.map((client) => client.closed))).toEqual(
      Array(20).fill(http2.constants.NGHTTP2_NO_ERROR),
    );
    for (const { text } of clients) {
      expect(blocksOf(text)).toEqual([
        expect.stringMatching(/^retry: \d+$/),
        `event: hub.checkpoint\nid: ${head}\ndata: {}`,
        expect.stringMatching(/^retry: \d+$/),
      ]);
    }
    // The session is the client's; the server must not wait until it goes.
    await closing;
  });
});
