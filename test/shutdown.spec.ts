import { jest } from '@jest/globals';
import { Controller, Get, Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { NEVER, Subject, interval } from 'rxjs';
import {
  Connection,
  EventHub,
  LogUnavailableException,
  MemoryLog,
  OnSseEvent,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { LogEntry, LogRecord, SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { Connections } from '../src/connection/connections.js';
import { eventually } from './support/eventually.js';
import { freePort } from './support/free-port.js';
import { closeApps, platforms, startApp } from './support/running-app.js';
import type { AppParts } from './support/running-app.js';
import { blocksOf, readResponse, readResponses } from './support/wire.js';
import { WireClient, destroyWireClients } from './support/wire-client.js';

const MIB = 1024 * 1024;
const RETRY = 3_000;

const connections: SseConnection[] = [];
let source: Subject<unknown>;
let gate: Promise<void>;
let openGate: () => void;
let handlers: number;

@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    connections.push(connection);
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Sse('letters')
  letters(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['letters'], for: connection });
  }

  @Sse('silent')
  silent() {
    return NEVER;
  }

  @Sse('interval')
  interval() {
    return interval(1);
  }

  @Sse('source')
  source(@Connection() connection: SseConnection) {
    connections.push(connection);
    return source;
  }

  @Sse('generated')
  async *generated() {
    yield 'first';
    await gate;
    yield 'second';
  }

  @Sse('gated')
  async gated(@Connection() connection: SseConnection) {
    handlers++;
    await gate;
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Get('json')
  json() {
    return { json: true };
  }

  @Get('gated-json')
  async gatedJson() {
    handlers++;
    await gate;
    return { gated: true };
  }
}

@Injectable()
class Farewell implements OnModuleDestroy {
  constructor(private readonly hub: EventHub) {}

  async onModuleDestroy(): Promise<void> {
    await this.hub.publish('numbers', { data: { farewell: true } });
  }
}

@Injectable()
class AtWork {
  began = false;

  @OnSseEvent('numbers')
  async heard(): Promise<void> {
    this.began = true;
    await gate;
  }
}

/** A log that takes what is appended when the test says so. */
class SlowLog extends MemoryLog {
  isAsked = false;
  take!: () => void;
  readonly #taken = new Promise<void>((resolve) => (this.take = resolve));

  override async append(
    records: readonly LogRecord[],
  ): Promise<readonly LogEntry[]> {
    this.isAsked = true;
    await this.#taken;
    return super.append(records);
  }
}

/** Waits until the hub takes no events any more. */
async function refusesAll(hub: EventHub): Promise<void> {
  // What is ephemeral the log takes at once.
  const passing = { data: 2, ephemeral: true };
  while (await hub.publish('numbers', passing).catch(() => undefined)) {
    await new Promise(setImmediate);
  }
}

const parts = (options: SseModuleOptions = {}): AppParts => ({
  controllers: [StreamsController],
  options: { retry: RETRY, ...options },
});

const fastifyWithout503 = () =>
  new FastifyAdapter({
    return503OnClosing: false,
  }) as unknown as AbstractHttpAdapter;

/** Of the stream's blocks, those that set the reconnection time. */
const retriesOf = (body: string): number[] =>
  [...body.matchAll(/^retry: (\d+)$/gm)].map(([, retry]) => Number(retry));

/** A stream that was ended as shutting down ends it. */
function expectCleanEnd({ bytes }: WireClient): void {
  const { status, body, complete, rest } = readResponse(bytes);
  expect(status).toBe(200);
  expect(complete).toBe(true);
  expect(rest).toHaveLength(0);
  expect(blocksOf(body).at(-1)).toMatch(/^retry: \d+$/);
}

async function open(port: number, path: string): Promise<WireClient> {
  const client = await WireClient.get(port, path);
  await client.untilTail('retry:');
  return client;
}

/** A client that reads no more, for which bytes wait in this process. */
async function openStalled(port: number, hub: EventHub): Promise<WireClient> {
  const client = await open(port, '/source');
  client.socket.pause();
  const before = hub.connections().length;
  for (let i = 0; i < 24; i++) {
    source.next({ text: 'x'.repeat(MIB) });
  }
  expect(hub.connections()).toHaveLength(before);
  return client;
}

/** From now on time passes when the test says so. */
function driveTime(): void {
  jest.useFakeTimers({
    doNotFake: ['setImmediate', 'clearImmediate', 'nextTick', 'queueMicrotask'],
  });
}

/** Lets so much time pass, and waits for what is over then. */
async function passes(
  milliseconds: number,
  over: Promise<unknown>,
): Promise<void> {
  let isOver = false;
  void over.finally(() => (isOver = true));
  jest.advanceTimersByTime(milliseconds);
  while (!isOver) {
    await new Promise(setImmediate);
    // No more time passes.
    jest.advanceTimersByTime(0);
  }
  jest.useRealTimers();
  await over;
}

/** Room for what stalled clients leave unread. */
const roomy: SseModuleOptions = {
  slowClient: { maxPendingBytes: 64 * MIB },
  window: { bytes: 64 * MIB },
};

describe.each(platforms)(
  'Invariant 7, closing closes (%s)',
  (platform, adapter) => {
    beforeEach(() => {
      connections.length = 0;
      handlers = 0;
      source = new Subject();
      gate = new Promise((resolve) => {
        openGate = resolve;
      });
    });

    afterEach(async () => {
      jest.useRealTimers();
      openGate();
      await closeSseTestClients();
      destroyWireClients();
      await closeApps();
    });

    it('ends 1,000 streams at event boundaries with a retry each, some with megabytes unsent', async () => {
      const { app, hub, port } = await startApp(adapter, {
        ...parts({
          log: new MemoryLog({ maxBytes: 2 ** 30 }),
          closeGrace: 30_000,
        }),
      });
      const clients: WireClient[] = [];
      while (clients.length < 995) {
        clients.push(
          ...(await Promise.all(
            Array.from({ length: 199 }, () => open(port, '/events')),
          )),
        );
      }
      const stalled = await Promise.all(
        Array.from({ length: 5 }, () => open(port, '/letters')),
      );
      stalled.forEach(({ socket }) => socket.pause());
      for (let n = 1; n <= 32; n++) {
        await hub.publish('numbers', { data: { n } });
        await hub.publish('letters', { data: 'x'.repeat(256 * 1024) });
      }
      expect(hub.connections()).toHaveLength(1_000);
      const closing = app.close();
      await Promise.all(
        clients.map((client) =>
          client.until(() => client.tail.endsWith('0\r\n\r\n')),
        ),
      );
      stalled.forEach(({ socket }) => socket.resume());
      await closing;
      clients.push(...stalled);
      await Promise.all(
        clients.map((client) => client.until(() => client.closed)),
      );

      clients.forEach(expectCleanEnd);
      const retries = clients.map(({ bytes }) =>
        retriesOf(readResponse(bytes).body).at(-1)!,
      );
      expect(Math.min(...retries)).toBeGreaterThanOrEqual(RETRY);
      expect(Math.max(...retries)).toBeLessThanOrEqual(RETRY * 1.5);
      expect(new Set(retries).size).toBeGreaterThan(16);
      expect(hub.connections()).toHaveLength(0);
    });

    it('waits for the bytes of a client that reads on', async () => {
      const { app, hub, port } = await startApp(
        adapter,
        parts({ ...roomy, closeGrace: 60_000 }),
      );
      const client = await openStalled(port, hub);
      const closing = app.close();
      await eventually(() => hub.connections().length === 0);
      client.socket.resume();
      await closing;
      await client.until(() => client.closed);
      expectCleanEnd(client);
      expect(client.received).toBeGreaterThan(24 * MIB);
    });

    it('destroys a connection whose client does not read, after closeGrace', async () => {
      driveTime();
      const closeGrace = 60_000;
      const { app, hub, port } = await startApp(
        adapter,
        parts({ ...roomy, closeGrace }),
      );
      const client = await openStalled(port, hub);
      const other = await open(port, '/events');
      const closing = app.close();
      await other.until(() => other.closed);
      expectCleanEnd(other);
      expect(client.closed).toBe(false);
      await passes(closeGrace, closing);
      client.socket.resume();
      await client.until(() => client.closed);
      expect(readResponse(client.bytes).complete).toBe(false);
    });

    it.each(['/events', '/silent', '/interval', '/generated', '/source'])(
      'ends a stream of %s behind a retry, not behind hub.complete',
      async (path) => {
        const { app, hub, port } = await startApp(adapter, parts());
        const client = await open(port, path);
        await eventually(() => hub.connections().length === 1);
        await app.close();
        await client.until(() => client.closed);
        expectCleanEnd(client);
        expect(client.bytes.toString()).not.toContain('hub.complete');
      },
    );

    it('holds for a stream that ended before, with bytes unsent', async () => {
      const { app, hub, port } = await startApp(
        adapter,
        parts({ ...roomy, closeGrace: 200 }),
      );
      await openStalled(port, hub);
      source.complete();
      await eventually(() => hub.connections().length === 0);
      await app.close();
    });

    it('delivers what services publish while modules are destroyed', async () => {
      const { app, port } = await startApp(adapter, {
        ...parts(),
        providers: [Farewell],
      });
      const client = await open(port, '/events');
      await app.close();
      await client.until(() => client.closed);
      expectCleanEnd(client);
      expect(client.bytes.toString()).toContain('data: {"farewell":true}\n\n');
    });

    it('refuses what is published afterwards', async () => {
      const { app, hub } = await startApp(adapter, parts());
      await app.close();
      await expect(hub.publish('numbers', { data: {} })).rejects.toThrow(
        LogUnavailableException,
      );
    });

    it('waits for the log to take what was published before', async () => {
      const log = new SlowLog();
      const { app, hub } = await startApp(adapter, parts({ log }));
      const published = hub.publish('numbers', { data: 1 });
      await eventually(() => log.isAsked);
      const order: string[] = [];
      const closing = app.close().then(() => order.push('closed'));
      await refusesAll(hub);
      order.push('refused');
      log.take();
      order.push(`took ${(await published).data}`);
      await closing;
      expect(order).toEqual(['refused', 'took 1', 'closed']);
    });

    it.each<[string, (hub: EventHub) => Promise<void>]>([
      ['disconnect', (hub) => hub.disconnect({ user: '42' })],
      ['refresh', (hub) => hub.refresh({ user: '42' })],
    ])('waits for the log to take a %s', async (__, command) => {
      const log = new SlowLog();
      const { app, hub } = await startApp(adapter, parts({ log }));
      const commanded = command(hub).then(() => 'taken');
      await eventually(() => log.isAsked);
      const closing = app.close();
      await refusesAll(hub);
      log.take();
      await expect(commanded).resolves.toBe('taken');
      await closing;
    });

    it('waits for that no longer than closeGrace', async () => {
      const log = new SlowLog();
      const { app, hub } = await startApp(
        adapter,
        parts({ log, closeGrace: 50 }),
      );
      const published = hub.publish('numbers', { data: 1 });
      await eventually(() => log.isAsked);
      const rejected = expect(published).rejects.toThrow(
        LogUnavailableException,
      );
      await app.close();
      log.take();
      await rejected;
    });

    it('takes closeGrace in all, whatever hangs', async () => {
      driveTime();
      const closeGrace = 60_000;
      const log = new SlowLog();
      const { app, hub, port } = await startApp(adapter, {
        ...parts({ ...roomy, log, closeGrace }),
        providers: [AtWork],
      });
      const client = await openStalled(port, hub);
      // What is ephemeral the log takes at once.
      await hub.publish('numbers', { data: 1, ephemeral: true });
      await eventually(() => app.get(AtWork).began);
      const rejected = expect(
        hub.publish('numbers', { data: 2 }),
      ).rejects.toThrow(LogUnavailableException);
      await eventually(() => log.isAsked);
      const closing = app.close();
      await eventually(() => app.get(Connections).closing);
      await passes(closeGrace, closing);
      log.take();
      await rejected;
      client.socket.resume();
      await client.until(() => client.closed);
    });

    it.each<[string, () => Promise<void>]>([
      ['fails to close', () => Promise.reject(new Error('no disk'))],
      ['does not close', () => new Promise(() => undefined)],
    ])('ends the streams also of a log that %s', async (_name, close) => {
      const log = new MemoryLog();
      jest.spyOn(log, 'close').mockImplementation(close);
      const { app, port } = await startApp(
        adapter,
        parts({ log, closeGrace: 200 }),
      );
      const client = await open(port, '/events');
      await app.close();
      await client.until(() => client.closed);
      expectCleanEnd(client);
    });

    it('does not end the process when something publishes on and looks at no answer', async () => {
      const unhandled: unknown[] = [];
      const note = (error: unknown) => unhandled.push(error);
      process.on('unhandledRejection', note);
      try {
        const { app, hub } = await startApp(adapter, parts());
        const timer = setInterval(
          () => void hub.publish('numbers', { data: 1 }),
        );
        await app.close();
        const refused = hub.publish('numbers', { data: 1 });
        clearInterval(timer);
        // Node tells of unhandled rejections before the next turn.
        await new Promise(setImmediate);
        await expect(refused).rejects.toThrow(/onModuleDestroy/);
        expect(unhandled).toEqual([]);
      } finally {
        process.off('unhandledRejection', note);
      }
    });

    describe('a connect that arrives meanwhile', () => {
      /** An app that is closing and waits for a client that reads nothing. */
      const startClosing = async () => {
        const running = await startApp(
          adapter,
          parts({ ...roomy, closeGrace: 60_000 }),
        );
        const { app, hub, port } = running;
        const keptAlive = await open(port, '/events');
        const holding = await openStalled(port, hub);
        const closing = app.close();
        await keptAlive.until(() => keptAlive.tail.endsWith('0\r\n\r\n'));
        const finish = async () => {
          holding.socket.resume();
          await closing;
        };
        return { ...running, keptAlive, finish };
      };

      const expectHeadRetryEnd = (
        response: ReturnType<typeof readResponse>,
      ) => {
        expect(response).toMatchObject({ status: 200, complete: true });
        expect(response.headers['content-type']).toBe('text/event-stream');
        const blocks = blocksOf(response.body);
        expect(blocks).toEqual([expect.stringMatching(/^retry: \d+$/)]);
        const [retry] = retriesOf(response.body);
        expect(retry).toBeGreaterThanOrEqual(RETRY);
        expect(retry).toBeLessThanOrEqual(RETRY * 1.5);
      };

      it.each(['/events', '/silent', '/generated', '/gated'])(
        'gets head, retry and end from %s, never an error status',
        async (path) => {
          const { hub, port, finish } = await startClosing();
          const client = await WireClient.get(port, path);
          await client.until(() => client.tail.endsWith('0\r\n\r\n'));
          expectHeadRetryEnd(readResponse(client.bytes));
          expect(hub.connections()).toHaveLength(0);
          await finish();
          await client.until(() => client.closed);
        },
      );

      it('finds the connection of the stream that has ended closed, or gets it there', async () => {
        const { keptAlive, finish } = await startClosing();
        keptAlive.send('GET', '/events');
        const responses = () => readResponses(keptAlive.bytes);
        await keptAlive.until(
          () =>
            keptAlive.closed ||
            (keptAlive.tail.endsWith('0\r\n\r\n') && responses().length === 2),
        );
        responses().slice(1).forEach(expectHeadRetryEnd);
        await finish();
        await keptAlive.until(() => keptAlive.closed);
      });

      it('is not answered with an error when the server waits for other requests already', async () => {
        const { app, port } = await startApp(
          // Fastify's default answers 503 itself by then, before any hook or route is asked.
          platform === 'Fastify' ? fastifyWithout503 : adapter,
          parts(),
        );
        const client = await WireClient.get(port, '/gated-json');
        await eventually(() => handlers === 1);
        const closing = app.close();
        await eventually(() => !app.getHttpServer().listening);
        client.send('GET', '/events');
        client.send('GET', '/json');
        await new Promise((resolve) => setImmediate(resolve));
        openGate();
        await closing;
        await client.until(() => client.closed);
        for (const { status } of readResponses(client.bytes)) {
          expect(status).toBe(200);
        }
      });

      it('gets it when its handler was still at work as the app began to close', async () => {
        const { app, hub, port } = await startApp(adapter, parts());
        const other = await open(port, '/events');
        const client = await WireClient.get(port, '/gated');
        await eventually(() => handlers === 1);
        const closing = app.close();
        await other.until(() => other.tail.endsWith('0\r\n\r\n'));
        openGate();
        await closing;
        await client.until(() => client.closed);
        const { status, body, complete } = readResponse(client.bytes);
        expect([status, complete]).toEqual([200, true]);
        expect(blocksOf(body)[0]).toMatch(/^retry: \d+$/);
        expect(hub.connections()).toHaveLength(0);
      });

      it('leaves an app that closes all the same when its handler never returns', async () => {
        const { app, port } = await startApp(
          adapter,
          parts({ closeGrace: 200 }),
        );
        const client = await WireClient.get(port, '/gated');
        await eventually(() => handlers === 1);
        await app.close();
        await client.until(() => client.closed);
      });
    });

    it('Invariant 3, no silent gap: clients come back to a new process by their cursor and are told of the gap', async () => {
      const port = await freePort();
      const first = await startApp(adapter, { ...parts(), port });
      const clients = await Promise.all(
        Array.from({ length: 20 }, () =>
          SseTestClient.connect(first.app, '/events'),
        ),
      );
      await first.hub.publish('numbers', { data: { n: 1 } });
      await Promise.all(clients.map((client) => client.next()));
      await first.app.close();
      expect(
        await Promise.all(clients.map((client) => client.untilClosed())),
      ).toEqual(Array(20).fill({ how: 'ended', clean: true }));
      const lost = clients[0]!.lastEventId;

      const second = await startApp(adapter, { ...parts(), port });
      const head = await second.hub.head();
      await Promise.all(clients.map((client) => client.reconnect()));
      for (const client of clients) {
        const reset = await client.next('hub.reset');
        expect(reset.id).toBe(head);
        expect(reset.data).toEqual({
          reason: 'epoch',
          cursor: lost,
        });
      }
      await second.hub.publish('numbers', { data: { n: 2 } });
      await Promise.all(clients.map((client) => client.next()));

      await Promise.all(clients.map((client) => client.dropConnection()));
      await second.hub.publish('numbers', { data: { n: 3 } });
      await Promise.all(clients.map((client) => client.reconnect()));
      for (const client of clients) {
        expect((await client.next()).data).toEqual({ n: 3 });
        expect(client.data).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
        expect(
          client.received.filter(({ type }) => type === 'hub.reset'),
        ).toHaveLength(1);
      }
    });

    it('Invariant 3, no silent gap: the cursor of the reset alone is enough to resume', async () => {
      const port = await freePort();
      const first = await startApp(adapter, { ...parts(), port });
      const client = await SseTestClient.connect(first.app, '/events');
      await client.next('hub.checkpoint');
      await first.app.close();
      const second = await startApp(adapter, { ...parts(), port });
      await client.reconnect();
      await client.next('hub.reset');
      await client.dropConnection();
      await second.hub.publish('numbers', { data: { n: 1 } });
      await client.reconnect();
      await client.next();
      expect(client.data).toEqual([{ n: 1 }]);
    });
  },
);
