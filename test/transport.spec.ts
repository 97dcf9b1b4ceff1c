import { Controller, Get, Header } from '@nestjs/common';
import compression from 'compression';
import { NEVER, Subject, concat, map, of } from 'rxjs';
import {
  Connection,
  EventHub,
  HubEvent,
  MemoryLog,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import { eventually } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';
import type { AppParts } from './support/running-app.js';
import { blocksOf, readResponse, readResponses } from './support/wire.js';
import type { WireResponse } from './support/wire.js';
import {
  WireClient,
  brief,
  destroyWireClients,
} from './support/wire-client.js';

const connections: SseConnection[] = [];
let source: Subject<string>;
let gate: Promise<void>;
let openGate: () => void;

@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    connections.push(connection);
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  /** Frames of its own, which no other connection shares. */
  @Sse('own-events')
  ownEvents(@Connection() connection: SseConnection) {
    return this.hub
      .stream({ topics: ['numbers'], for: connection })
      .pipe(
        map((event: HubEvent) =>
          event.with({ data: { for: connection.id, ...event.data } }),
        ),
      );
  }

  @Sse('finite')
  finite() {
    return source;
  }

  @Sse('silent')
  silent() {
    return NEVER;
  }

  @Header('X-Place', 'Café')
  @Sse('greeting')
  greeting() {
    return concat(of('größer 日本語'), NEVER);
  }

  @Get('json')
  json() {
    return { json: true };
  }

  @Get('gated-json')
  async gatedJson() {
    await gate;
    return { gated: true };
  }
}

const parts: AppParts = { controllers: [StreamsController] };

const blockOf = ({ id, data }: HubEvent): string =>
  `id: ${id}\ndata: ${JSON.stringify(data)}`;

/** The blocks that carry events of the app. */
const appBlocks = (response: WireResponse): string[] =>
  blocksOf(response.body).filter(
    (block) => /^data: /m.test(block) && !/^event: hub\./m.test(block),
  );

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

async function openStream(port: number, path = '/events'): Promise<WireClient> {
  const client = await WireClient.get(port, path);
  await client.untilTail('hub.checkpoint');
  return client;
}

beforeEach(() => {
  connections.length = 0;
  source = new Subject();
  gate = new Promise((resolve) => {
    openGate = resolve;
  });
});

afterEach(async () => {
  openGate();
  destroyWireClients();
  await closeApps();
});

describe.each(platforms)(
  'Invariant 5, whole frames on the wire (%s)',
  (platform, adapter) => {
    describe('HTTP/1.1', () => {
      it('frames single events as well-formed chunks, with sizes in bytes', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const client = await openStream(port);
        const events: HubEvent[] = [];
        for (const [i, text] of [
          'plain',
          'ü',
          '日本語',
          '👩‍🚀\u2028',
          'x'.repeat(70_000),
        ].entries()) {
          events.push(...(await publish(hub, i, i, { text })));
          await client.untilTail(endOf(i));
        }
        const response = readResponse(client.bytes);
        expect(response).toMatchObject({ status: 200, complete: false });
        expect(brief(appBlocks(response))).toEqual(brief(events.map(blockOf)));
      });

      it('frames batches that connections share as well-formed chunks', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const three = [
          await openStream(port),
          await openStream(port),
          await openStream(port),
        ];
        const events = await publish(hub, 1, 64, { text: 'größer' });
        await Promise.all(three.map((client) => client.untilTail(endOf(64))));
        const responses = three.map(({ bytes }) => readResponse(bytes));
        for (const response of responses) {
          expect(appBlocks(response)).toEqual(events.map(blockOf));
        }
        // Without a batch of several events this test would show nothing.
        const largest = responses
          .flatMap(({ chunks }) => chunks)
          .map((chunk) => blocksOf(chunk).length);
        expect(Math.max(...largest)).toBeGreaterThan(1);
      });

      it('frames what one connection alone is sent in one writev as well-formed chunks', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const own = await openStream(port, '/own-events');
        const other = await openStream(port, '/own-events');
        const events = await publish(hub, 1, 64);
        await Promise.all(
          [own, other].map((client) => client.untilTail(endOf(64))),
        );
        const [id1, id2] = hub.connections().map(({ id }) => id);
        expect(appBlocks(readResponse(own.bytes))).toEqual(
          events.map((event) =>
            blockOf(event.with({ data: { for: id1, ...event.data } })),
          ),
        );
        expect(appBlocks(readResponse(other.bytes))).toEqual(
          events.map((event) =>
            blockOf(event.with({ data: { for: id2, ...event.data } })),
          ),
        );
      });

      it('sends the head with the reconnection time and the cursor, and nothing else, at once', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const client = await openStream(port);
        const { status, headers, body } = readResponse(client.bytes);
        expect(status).toBe(200);
        expect(headers).toMatchObject({
          'content-type': 'text/event-stream',
          'cache-control': 'no-cache, no-store, no-transform',
          connection: 'keep-alive',
          'x-accel-buffering': 'no',
          'transfer-encoding': 'chunked',
        });
        expect(headers).not.toHaveProperty('content-length');
        expect(headers).not.toHaveProperty('content-encoding');
        expect(blocksOf(body)).toEqual([
          expect.stringMatching(/^retry: \d+$/),
          `event: hub.checkpoint\nid: ${await hub.head()}\ndata: {}`,
        ]);
      });
    });

    it.each(['1.1', '1.0'])(
      'sends the head and what leaves with it byte for byte, also what is not ASCII (HTTP/%s)',
      async (version) => {
        const { port } = await startApp(adapter, parts);
        const client = await WireClient.connect(port);
        client.send('GET', '/greeting', {}, version);
        await client.untilTail('data: ');
        await client.untilTail('\n\n');
        const { headers, body } = readResponse(client.bytes);
        // Read as ISO 8859-1, in which Node writes heads and browsers read them.
        expect(headers['x-place']).toBe('Café');
        expect(blocksOf(body).at(-1)).toBe('data: größer 日本語');
      },
    );

    describe('HTTP/1.0', () => {
      it('sends the events without chunks and closes the connection at the end', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const client = await WireClient.connect(port);
        client.send('GET', '/events', { Connection: 'keep-alive' }, '1.0');
        await client.untilTail('hub.checkpoint');
        const single = await publish(hub, 1, 1);
        await client.untilTail(endOf(1));
        const burst = await publish(hub, 2, 64);
        await client.untilTail(endOf(64));
        connections[0]!.close('done');
        await client.until(() => client.closed);

        const response = readResponse(client.bytes);
        expect(response.headers).not.toHaveProperty('transfer-encoding');
        expect(response.headers.connection).toBe('close');
        expect(appBlocks(response)).toEqual([...single, ...burst].map(blockOf));
        expect(blocksOf(response.body).at(-1)).toBe(
          'event: hub.closed\ndata: {"reason":"done"}',
        );
      });
    });

    describe('pipelined requests', () => {
      it('answers what was asked for behind a stream when the stream has ended, not before', async () => {
        const { port } = await startApp(adapter, parts);
        const client = await WireClient.connect(port);
        client.send('GET', '/finite');
        client.send('GET', '/json');
        await client.untilTail('retry:');
        for (const text of ['one', 'two', 'three']) {
          source.next(text);
          await client.untilTail(`data: ${text}\n\n`);
        }
        expect(client.bytes.toString()).not.toContain('{"json":true}');
        source.next('last');
        source.complete();
        source.next('late');
        await client.until(() => client.tail.endsWith('{"json":true}'));

        const [stream, json] = readResponses(client.bytes);
        expect(blocksOf(stream!.body).slice(1)).toEqual([
          'data: one',
          'data: two',
          'data: three',
          'data: last',
          'event: hub.complete\ndata: {}',
        ]);
        expect(json).toMatchObject({
          status: 200,
          body: '{"json":true}',
          complete: true,
        });
      });

      it('keeps a stream behind an unfinished response, then sends it whole', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const client = await WireClient.connect(port);
        client.send('GET', '/gated-json');
        client.send('GET', '/events');
        await eventually(() => hub.connections().length === 1);
        const early = await publish(hub, 1, 64);
        expect(client.received).toBe(0);
        openGate();
        await client.untilTail(endOf(64));
        const late = await publish(hub, 65, 128);
        await client.untilTail(endOf(128));

        const [json, stream] = readResponses(client.bytes);
        expect(json).toMatchObject({ status: 200, body: '{"gated":true}' });
        expect(appBlocks(stream!)).toEqual([...early, ...late].map(blockOf));
      });

      it('bounds what waits behind an unfinished response, and sends the rest from the log', async () => {
        const { hub, port } = await startApp(adapter, {
          ...parts,
          options: {
            log: new MemoryLog({ maxBytes: 2 ** 30 }),
            slowClient: { maxPendingBytes: 128 * 1024 },
          },
        });
        const client = await WireClient.connect(port);
        client.send('GET', '/gated-json');
        client.send('GET', '/events');
        await eventually(() => hub.connections().length === 1);
        const events = await publish(hub, 1, 256, {
          text: 'x'.repeat(16 * 1024),
        });
        expect(hub.connections()).toHaveLength(1);
        openGate();
        await client.untilTail(endOf(256));
        expect(brief(appBlocks(readResponses(client.bytes)[1]!))).toEqual(
          brief(events.map(blockOf)),
        );
      });

      it('serves two streams on one connection one after the other', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const client = await WireClient.connect(port);
        client.send('GET', '/events');
        client.send('GET', '/events');
        await eventually(() => hub.connections().length === 2);
        const first = await publish(hub, 1, 32);
        await client.untilTail(endOf(32));
        connections[0]!.close();
        await client.until(() => readResponses(client.bytes).length === 2);
        const second = await publish(hub, 33, 64);
        await client.untilTail(endOf(64));

        const responses = readResponses(client.bytes);
        expect(appBlocks(responses[0]!)).toEqual(first.map(blockOf));
        expect(appBlocks(responses[1]!)).toEqual(
          [...first, ...second].map(blockOf),
        );
      });
    });

    describe('a connection that is kept alive', () => {
      it('serves the next request, and no late byte of the ended stream reaches it', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const client = await openStream(port);
        const sent = await publish(hub, 1, 8);
        await client.untilTail(endOf(8));
        // Some events are dispatched before the end, some after it, none awaits a flush.
        const during = publish(hub, 9, 16);
        connections[0]!.close('done');
        const after = publish(hub, 17, 24);
        await client.until(() => client.tail.endsWith('0\r\n\r\n'));
        client.send('GET', '/json');
        await Promise.all([during, after, publish(hub, 25, 32)]);
        await client.until(() => client.tail.endsWith('{"json":true}'));
        await publish(hub, 33, 40);
        client.send('GET', '/json');
        await client.until(
          () => client.tail.split('{"json":true}').length === 3,
        );

        const [stream, ...others] = readResponses(client.bytes);
        const blocks = appBlocks(stream!);
        expect(blocks.slice(0, 8)).toEqual(sent.map(blockOf));
        expect(stream!.complete).toBe(true);
        expect(blocksOf(stream!.body).at(-1)).toBe(
          'event: hub.closed\ndata: {"reason":"done"}',
        );
        expect(others.map(({ status, body }) => [status, body])).toEqual([
          [200, '{"json":true}'],
          [200, '{"json":true}'],
        ]);
      });

      it('gets what was dispatched in the turn of the end before the end', async () => {
        const { port } = await startApp(adapter, parts);
        const client = await WireClient.connect(port);
        client.send('GET', '/finite');
        await client.untilTail('retry:');
        source.next('one');
        source.next('two');
        source.complete();
        client.send('GET', '/json');
        await client.until(() => client.tail.endsWith('{"json":true}'));
        const [stream, json] = readResponses(client.bytes);
        expect(blocksOf(stream!.body).slice(1)).toEqual([
          'data: one',
          'data: two',
          'event: hub.complete\ndata: {}',
        ]);
        expect(json!.body).toBe('{"json":true}');
      });

      it('gets a stream that ended with megabytes unsent whole, then the next response', async () => {
        const { hub, port } = await startApp(adapter, {
          ...parts,
          options: {
            slowClient: { maxPendingBytes: 64 * 2 ** 20 },
            window: { bytes: 64 * 2 ** 20 },
          },
        });
        const client = await WireClient.connect(port);
        client.send('GET', '/finite');
        await client.untilTail('retry:');
        client.socket.pause();
        const texts = Array.from({ length: 24 }, (_, i) =>
          String.fromCharCode(97 + i).repeat(2 ** 20),
        );
        texts.forEach((text) => source.next(text));
        expect(hub.connections()).toHaveLength(1);
        source.complete();
        client.send('GET', '/json');
        source.next('late');
        client.socket.resume();
        await client.until(() => client.tail.endsWith('{"json":true}'));
        const [stream, json] = readResponses(client.bytes);
        expect(brief(blocksOf(stream!.body).slice(1))).toEqual(
          brief([
            ...texts.map((text) => `data: ${text}`),
            'event: hub.complete\ndata: {}',
          ]),
        );
        expect(json!.body).toBe('{"json":true}');
      });

      it('serves stream after stream', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const client = await WireClient.connect(port);
        const published: HubEvent[] = [];
        for (let i = 0; i < 10; i++) {
          client.send('GET', '/events');
          await eventually(() => hub.connections().length === 1);
          published.push(...(await publish(hub, i, i)));
          await client.untilTail(endOf(i));
          connections[i]!.close();
          await client.until(() => client.tail.endsWith('0\r\n\r\n'));
        }
        const responses = readResponses(client.bytes);
        expect(responses.flatMap(appBlocks)).toEqual(published.map(blockOf));
        expect(responses.map(({ complete }) => complete)).toEqual(
          Array(10).fill(true),
        );
      });
    });

    describe('HEAD', () => {
      it.each(['/events', '/silent'])(
        'answers %s with the head only, and leaves nothing open',
        async (path) => {
          const { hub, port } = await startApp(adapter, parts);
          const client = await WireClient.connect(port);
          client.socket.write(
            `HEAD ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
          );
          await client.until(() => client.tail.endsWith('\r\n\r\n'));
          await publish(hub, 1, 8);
          client.send('GET', '/json');
          await client.until(() => client.tail.endsWith('{"json":true}'));

          const end = client.bytes.indexOf('\r\n\r\n') + 4;
          const head = client.bytes.toString('latin1', 0, end).toLowerCase();
          expect(head).toContain('http/1.1 200 ok\r\n');
          expect(head).toContain('content-type: text/event-stream\r\n');
          expect(readResponse(client.bytes.subarray(end)).body).toBe(
            '{"json":true}',
          );
          expect(hub.connections()).toHaveLength(0);
        },
      );

      it('behind a stream on the same socket has no stream that waits with it', async () => {
        const { hub, port } = await startApp(adapter, parts);
        const client = await openStream(port);
        client.send('HEAD', '/events');
        await eventually(() => connections[1]?.signal.aborted === true);
        expect(hub.connections()).toEqual([connections[0]]);
        const published = await publish(hub, 1, 8);
        await client.untilTail(endOf(8));
        expect(connections[1]!.response.holdsFrames).toBe(false);

        connections[0]!.close();
        client.send('GET', '/json');
        await client.until(() => client.tail.endsWith('{"json":true}'));
        const [stream, head] = client.bytes
          .toString('latin1')
          .split(/(?=HTTP\/1\.1 )/);
        expect(appBlocks(readResponse(Buffer.from(stream!)))).toEqual(
          published.map(blockOf),
        );
        expect(head!.toLowerCase()).toContain(
          'content-type: text/event-stream\r\n',
        );
        expect(head).toMatch(/\r\n\r\n$/);
      });
    });

    if (platform === 'Express') {
      describe('behind compression', () => {
        const compressed = (): AppParts => ({
          ...parts,
          options: { log: new MemoryLog({ maxBytes: 2 ** 30 }) },
          configure: (app) => app.use(compression({ threshold: 0 })),
        });

        it('stays uncompressed, and every event arrives at once', async () => {
          const { hub, port } = await startApp(adapter, compressed());
          const client = await WireClient.connect(port);
          client.send('GET', '/json', { 'Accept-Encoding': 'gzip' });
          await client.untilTail('\r\n\r\n');
          // The middleware is at work.
          expect(readResponse(client.bytes).headers['content-encoding']).toBe(
            'gzip',
          );

          const stream = await WireClient.connect(port);
          stream.send('GET', '/events', { 'Accept-Encoding': 'gzip' });
          await stream.untilTail('hub.checkpoint');
          const events: HubEvent[] = [];
          for (let n = 1; n <= 5; n++) {
            events.push(...(await publish(hub, n, n)));
            await stream.untilTail(endOf(n));
          }
          events.push(...(await publish(hub, 6, 64)));
          await stream.untilTail(endOf(64));
          const response = readResponse(stream.bytes);
          expect(response.headers).not.toHaveProperty('content-encoding');
          expect(appBlocks(response)).toEqual(events.map(blockOf));
        });

        it('sends a burst larger than what may be pending, to a client that pauses', async () => {
          const { hub, port } = await startApp(adapter, compressed());
          const client = await WireClient.connect(port);
          client.send('GET', '/events', { 'Accept-Encoding': 'gzip' });
          await client.untilTail('hub.checkpoint');
          client.socket.pause();
          const events = await publish(hub, 1, 1_024, {
            text: 'x'.repeat(16 * 1024),
          });
          client.socket.resume();
          await client.untilTail(endOf(1_024));
          expect(brief(appBlocks(readResponse(client.bytes)))).toEqual(
            brief(events.map(blockOf)),
          );
        });
      });
    }
  },
);
