import {
  Controller,
  Injectable,
  Query,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type {
  CallHandler,
  CanActivate,
  ExecutionContext,
  INestApplication,
  NestInterceptor,
} from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import http2 from 'node:http2';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  Connection,
  EventHub,
  InvalidRevocationException,
  InvalidTopicException,
  LogUnavailableException,
  MemoryLog,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { Observable, Subject, delayWhen, finalize, merge, of } from 'rxjs';
import { eventually, settled } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { blocksOf, readResponse, readResponses } from '../support/wire.js';
import { WireClient, destroyWireClients } from '../support/wire-client.js';

/** What a test holds back, or lets go on, of the requests on their way. */
class Gate {
  readonly #waiting: (() => void)[] = [];
  closed = false;

  get size(): number {
    return this.#waiting.length;
  }

  async pass(): Promise<void> {
    if (this.closed) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  open(): void {
    this.closed = false;
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }
}

let gate: Gate;
let connections: SseConnection[];
/** What the handler of `own` emits. */
let source: Subject<unknown>;
/** How often a handler's observable was torn down. */
let finalized: number;

beforeEach(() => {
  gate = new Gate();
  connections = [];
  source = new Subject();
  finalized = 0;
});

afterEach(async () => {
  gate.open();
  await closeSseTestClients();
  destroyWireClients();
  await closeApps();
});

/** It has let the request through; its answer takes a while to arrive. */
@Injectable()
class SlowGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    await gate.pass();
    return true;
  }
}

@Injectable()
class SlowInterceptor implements NestInterceptor {
  async intercept(
    _: ExecutionContext,
    next: CallHandler,
  ): Promise<Observable<unknown>> {
    await gate.pass();
    return next.handle();
  }
}

@UseGuards(HeaderUserGuard)
@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.#stream(connection);
  }

  @Sse('pattern')
  pattern(@Connection() connection: SseConnection) {
    return this.hub.stream({
      patterns: ['rooms.*', 'lobby.**'],
      for: connection,
    });
  }

  @Sse('two')
  two(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['news', 'rooms.1'], for: connection });
  }

  @Sse('chosen')
  chosen(@Query('topic') topic: string, @Connection() c: SseConnection) {
    return this.hub.stream({ topics: [topic], for: c });
  }

  @UseGuards(SlowGuard)
  @Sse('slow-guard')
  slowGuard(@Connection() connection: SseConnection) {
    return this.#stream(connection);
  }

  @UseGuards(SlowGuard)
  @Sse('slow-guard-own')
  slowGuardOwn(@Connection() connection: SseConnection) {
    connections.push(connection);
    return merge(of('own'), source);
  }

  @UseInterceptors(SlowInterceptor)
  @Sse('slow-interceptor')
  slowInterceptor(@Connection() connection: SseConnection) {
    return this.#stream(connection);
  }

  @Sse('slow-handler')
  async slowHandler(@Connection() connection: SseConnection) {
    connections.push(connection);
    await gate.pass();
    return this.#stream(connection);
  }

  @Sse('later')
  later(@Connection() connection: SseConnection) {
    connections.push(connection);
    return merge(
      of('first'),
      new Observable((subscriber) => {
        void gate
          .pass()
          .then(() =>
            subscriber.add(this.#stream(connection).subscribe(subscriber)),
          );
      }),
    );
  }

  @Sse('own')
  own(@Connection() connection: SseConnection) {
    connections.push(connection);
    return source;
  }

  @Sse('delayed')
  delayed(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(delayWhen(() => gate.pass()));
  }

  @Sse('ignores-its-end')
  ignoresItsEnd(@Connection() connection: SseConnection) {
    connections.push(connection);
    // Subscribes by itself, so that nothing unsubscribes when the stream ends.
    this.#stream(connection).subscribe((event) => source.next(event));
    return source;
  }

  @Sse('early')
  async early(@Connection() connection: SseConnection) {
    // The stream is there before the handler has returned it.
    this.#stream(connection).subscribe((event) => source.next(event));
    await gate.pass();
    return source;
  }

  @Sse('throws-in-teardown')
  throwsInTeardown(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      finalize(() => {
        throw new Error('teardown');
      }),
    );
  }

  #stream(connection: SseConnection) {
    connections.push(connection);
    return this.hub
      .stream({ topics: ['news'], for: connection })
      .pipe(finalize(() => finalized++));
  }
}

const as = (user: string) => ({ headers: { 'x-user': user } });

/** What the app's page sees of a stream, in short. */
const told = ({ received: events }: SseTestClient): string[] =>
  events
    .filter(({ type }) => type !== 'hub.checkpoint')
    .map(({ type, data }) =>
      type === 'hub.closed'
        ? `closed ${(data as { reason: string }).reason}`
        : data,
    );

describe.each(platforms)('hub.disconnect on %s', (_, adapter) => {
  const start = (options?: SseModuleOptions) =>
    startApp(adapter, { controllers: [StreamsController], options });

  /** A client that reads nothing, and far more than the system's buffers take on its way to it. */
  async function startStuffed() {
    const { hub, port, app } = await start({
      slowClient: { maxPendingBytes: 64 * 1024 * 1024 },
      window: { bytes: 64 * 1024 * 1024 },
    });
    const sockets: { readonly destroyed: boolean }[] = [];
    app.getHttpServer().on('connection', (s: never) => sockets.push(s));
    const client = await WireClient.get(port, '/own', { 'x-user': '7' });
    await client.untilTail('retry:');
    client.socket.pause();
    for (let n = 0; n < 32; n++) {
      source.next('x'.repeat(1024 * 1024));
      await nextTurn();
    }
    return { hub, client, socket: sockets[0]! };
  }

  describe('ends the streams', () => {
    it('of a user, all of them and nobody else’s, at its place in the log', async () => {
      const { hub, app } = await start();
      const phone = await SseTestClient.connect(app, '/events', as('7'));
      const laptop = await SseTestClient.connect(app, '/events', as('7'));
      const other = await SseTestClient.connect(app, '/events', as('70'));
      const nobody = await SseTestClient.connect(app, '/events');
      await hub.publish('news', { data: 'before' });
      await Promise.all([phone.next(), laptop.next()]);
      await hub.disconnect({ user: 7 }, 'signed-out');
      await hub.publish('news', { data: 'after' });
      await Promise.all([other.next(), nobody.next()]);

      expect((await phone.untilClosed()).clean).toBe(true);
      expect((await laptop.untilClosed()).clean).toBe(true);
      expect(told(phone)).toEqual(['before', 'closed signed-out']);
      expect(told(laptop)).toEqual(['before', 'closed signed-out']);
      await other.until(() => told(other).includes('after'));
      await nobody.until(() => told(nobody).includes('after'));
      expect(told(other)).toEqual(['before', 'after']);
      expect(told(nobody)).toEqual(['before', 'after']);
      expect(hub.connections().map(({ user }) => user?.id)).toEqual([
        70,
        undefined,
      ]);
    });

    it('of one connection', async () => {
      const { hub, app } = await start();
      const phone = await SseTestClient.connect(app, '/events', as('7'));
      const laptop = await SseTestClient.connect(app, '/events', as('7'));
      await hub.disconnect({ connection: connections[1]!.id });

      expect((await laptop.untilClosed()).clean).toBe(true);
      expect(told(laptop)).toEqual(['closed revoked']);
      await hub.publish('news', { data: 'on' });
      await phone.next();
      expect(connections[1]!.signal.reason).toBe('revoked');
      expect(connections[0]!.signal.aborted).toBe(false);
    });

    it('that cover a topic, by name or by a pattern', async () => {
      const { hub, app } = await start();
      const byPattern = await SseTestClient.connect(app, '/pattern', as('7'));
      const byName = await SseTestClient.connect(app, '/two');
      const elsewhere = await SseTestClient.connect(app, '/events', as('7'));
      await hub.disconnect({ topic: 'rooms.1' });

      expect((await byPattern.untilClosed()).clean).toBe(true);
      expect((await byName.untilClosed()).clean).toBe(true);
      await hub.publish('news', { data: 'on' });
      await elsewhere.next();
      expect(told(elsewhere)).toEqual(['on']);
    });

    it('that meet all of several criteria', async () => {
      const { hub, app } = await start();
      const meant = await SseTestClient.connect(app, '/pattern', as('7'));
      const otherTopic = await SseTestClient.connect(app, '/events', as('7'));
      const otherUser = await SseTestClient.connect(app, '/pattern', as('8'));
      await hub.disconnect({ user: '7', topic: 'lobby' });
      await hub.disconnect({ user: '8', connection: connections[0]!.id });
      await hub.disconnect({ user: '7', topic: 'lobbyist' });

      expect((await meant.untilClosed()).clean).toBe(true);
      await hub.publish('news', { data: 'on' });
      await hub.publish('rooms.1', { data: 'on' });
      await Promise.all([otherTopic.next(), otherUser.next()]);
    });

    it('also those behind one whose end fails in a middleware', async () => {
      const { hub, app } = await startApp(adapter, {
        controllers: [StreamsController],
        configure: (app: INestApplication) =>
          app.use(
            (
              request: http.IncomingMessage,
              response: http.ServerResponse,
              next: () => void,
            ) => {
              if (request.headers['x-bad'] !== undefined) {
                response.end = () => {
                  throw new Error('a middleware failed');
                };
              }
              next();
            },
          ),
      });
      const bad = await SseTestClient.connect(app, '/events', {
        headers: { 'x-user': '7', 'x-bad': '1' },
      });
      const good = await SseTestClient.connect(app, '/events', as('7'));
      const other = await SseTestClient.connect(app, '/events', as('8'));
      await hub.disconnect({ user: 7 }, 'signed-out');
      await hub.publish('news', { data: 'secret' });
      await other.next();
      await bad.untilClosed();
      expect((await good.untilClosed()).clean).toBe(true);
      expect(told(good)).toEqual(['closed signed-out']);
      expect(told(bad)).not.toContain('secret');
    });

    it('also one whose handler throws when it is torn down, and the next', async () => {
      const { hub, app } = await start();
      const first = await SseTestClient.connect(
        app,
        '/throws-in-teardown',
        as('7'),
      );
      const second = await SseTestClient.connect(app, '/events', as('7'));
      await hub.disconnect({ user: 7 });

      expect((await first.untilClosed()).clean).toBe(true);
      expect((await second.untilClosed()).clean).toBe(true);
      expect(told(first)).toEqual(['closed revoked']);
      expect(hub.connections()).toEqual([]);
    });
  });

  describe('lets nothing out afterwards', () => {
    it('not of a handler that delays, nor of its own timers, nor a heartbeat', async () => {
      const { hub, app, port } = await start({ heartbeat: 100 });
      const delayed = await WireClient.get(port, '/delayed', { 'x-user': '7' });
      const own = await WireClient.get(port, '/own', { 'x-user': '7' });
      const watch = await SseTestClient.connect(app, '/events');
      await delayed.untilTail('hub.checkpoint');
      await own.untilTail('retry:');
      gate.closed = true;
      await hub.publish('news', { data: 'held back' });
      await watch.next();
      source.next('sent');
      await own.untilTail('sent');
      source.next('queued');
      await hub.disconnect({ user: 7 });
      gate.open();
      source.next('late');
      await watch.until(() => watch.comments.length > 1);

      for (const client of [delayed, own]) {
        await client.untilTail('0\r\n\r\n');
        const { body, rest } = readResponse(client.bytes);
        expect(blocksOf(body).at(-1)).toBe(
          'event: hub.closed\ndata: {"reason":"revoked"}',
        );
        expect(rest.length).toBe(0);
        expect(body).not.toMatch(/held back|late/);
      }
    });

    it('drops what was emitted and not yet written', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(app, '/events', as('7'));
      const other = await SseTestClient.connect(app, '/events', as('8'));
      await hub.publish('news', { data: 'written' });
      await client.next();
      // Of one turn with the revocation, so that both are dispatched before the next write.
      const unwritten = hub.publish('news', { data: 'unwritten' });
      await hub.disconnect({ user: 7 });
      await unwritten;
      await other.until(() => told(other).includes('unwritten'));
      expect((await client.untilClosed()).clean).toBe(true);
      expect(told(client)).toEqual(['written', 'closed revoked']);
    });

    it('destroys the socket of a client that does not take what was written', async () => {
      const { hub, client, socket } = await startStuffed();
      await hub.disconnect({ user: 7 });
      expect(socket.destroyed).toBe(true);
      expect(connections[0]!.signal.reason).toBe('revoked');
      client.socket.resume();
      await client.until(() => client.closed);
      expect(client.bytes.includes('hub.closed')).toBe(false);
    });

    it('destroys the socket of a stream that has ended but not left', async () => {
      const { hub, socket } = await startStuffed();
      source.complete();
      expect(socket.destroyed).toBe(false);
      await hub.disconnect({ user: 7 });
      expect(socket.destroyed).toBe(true);
    });

    it('not of an ephemeral event', async () => {
      const { hub, app } = await start();
      const gone = await SseTestClient.connect(app, '/events', as('7'));
      const stays = await SseTestClient.connect(app, '/events', as('8'));
      await hub.publish('news', { data: 'typing', ephemeral: true });
      await hub.disconnect({ user: 7 });
      await hub.publish('news', { data: 'still', ephemeral: true });
      await stays.until(() => told(stays).includes('still'));
      expect((await gone.untilClosed()).clean).toBe(true);
      expect(told(gone)).toEqual(['typing', 'closed revoked']);
    });

    it('also when the handler subscribes by itself', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(
        app,
        '/ignores-its-end',
        as('7'),
      );
      const fromHub: unknown[] = [];
      source.subscribe((event) => fromHub.push(event));
      await hub.disconnect({ user: 7 });
      await hub.publish('news', { data: 'after' });
      expect((await client.untilClosed()).clean).toBe(true);
      expect(fromHub).toEqual([]);
    });

    it('does not write into the next response of a kept-alive connection', async () => {
      const { hub, port } = await start();
      const client = await WireClient.get(port, '/own', { 'x-user': '7' });
      await client.untilTail('retry:');
      source.next('queued');
      await hub.disconnect({ user: 7 });
      await client.untilTail('0\r\n\r\n');
      client.send('GET', '/nothing-here');
      await client.untilTail('statusCode');
      source.next('late');
      const [stream, next, ...more] = readResponses(client.bytes);
      expect(stream!.complete).toBe(true);
      expect(next!.status).toBe(404);
      expect(more).toEqual([]);
    });
  });

  describe('reaches a connect on its way', () => {
    it.each(['slow-guard', 'slow-interceptor', 'slow-handler'])(
      'that was let through before and opens after it (%s)',
      async (path) => {
        const { hub, app } = await start();
        const cursor = await hub.head();
        await hub.publish('news', { data: 'before' });
        gate.closed = true;
        const connecting = SseTestClient.connect(
          app,
          `/${path}?lastEventId=${cursor}`,
          as('7'),
        );
        const others = SseTestClient.connect(
          app,
          `/${path}?lastEventId=${cursor}`,
          as('8'),
        );
        await eventually(() => gate.size === 2);
        await hub.disconnect({ user: 7 });
        gate.open();
        const client = await connecting;
        const other = await others;

        expect(client.status).toBe(200);
        expect((await client.untilClosed()).clean).toBe(true);
        expect(told(client)).toEqual(['closed revoked']);
        expect(client.text.match(/^retry:/gm)).toHaveLength(1);
        expect(client.lastEventId).toBe(undefined);
        await other.next();
        expect(told(other)).toEqual(['before']);
      },
    );

    it.each(['slow-guard', 'slow-interceptor', 'slow-handler', 'later'])(
      'whose stream takes up the topic after it (%s)',
      async (path) => {
        const { hub, app } = await start();
        gate.closed = true;
        const connecting = SseTestClient.connect(app, `/${path}`, as('7'));
        await eventually(() => gate.size === 1);
        await hub.disconnect({ topic: 'elsewhere' });
        await hub.disconnect({ user: 8, topic: 'news' });
        await hub.disconnect({ user: 7, topic: 'news' });
        gate.open();
        const client = await connecting;
        await hub.publish('news', { data: 'after' });
        expect((await client.untilClosed()).clean).toBe(true);
        expect(told(client).at(-1)).toBe('closed revoked');
        expect(told(client)).not.toContain('after');
      },
    );

    it('that has no hub stream, and whose handler is not called any more', async () => {
      const { hub, app } = await start();
      gate.closed = true;
      const connecting = SseTestClient.connect(app, '/slow-guard-own', as('7'));
      await eventually(() => gate.size === 1);
      await hub.disconnect({ user: 7 });
      gate.open();
      const client = await connecting;
      expect((await client.untilClosed()).clean).toBe(true);
      expect(told(client)).toEqual(['closed revoked']);
      expect(connections).toEqual([]);
    });

    it.each(['slow-handler', 'early'])(
      'while its head waits, with nothing of what was emitted until then (%s)',
      async (path) => {
        const { hub, app } = await start();
        const cursor = await hub.head();
        await hub.publish('news', { data: 'retained' });
        gate.closed = true;
        const connecting = SseTestClient.connect(
          app,
          `/${path}?lastEventId=${cursor}`,
          as('7'),
        );
        await eventually(() => gate.size === 1);
        await hub.disconnect({ connection: connections[0]!.id });
        const client = await connecting;
        expect((await client.untilClosed()).clean).toBe(true);
        expect(client.text).toBe(
          `retry: ${client.retry}\n\nevent: hub.closed\ndata: {"reason":"revoked"}\n\n`,
        );
      },
    );

    it('also one that took so long that nobody remembers what came meanwhile', async () => {
      const { hub, app } = await start();
      gate.closed = true;
      const connecting = SseTestClient.connect(app, '/slow-guard', as('7'));
      await eventually(() => gate.size === 1);
      await Promise.all(
        Array.from({ length: 10_001 }, () => hub.disconnect({ user: 8 })),
      );
      gate.open();
      const client = await connecting;
      expect((await client.untilClosed()).clean).toBe(true);
      expect(told(client)).toEqual(['closed unavailable']);
      await client.reconnect();
      await hub.publish('news', { data: 'on' });
      await client.next();
    });

    it('but not one that arrives later, also with a cursor from before', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(app, '/events', as('7'));
      await hub.publish('news', { data: 'seen' });
      await client.next();
      await hub.disconnect({ user: 7 }, 'signed-out');
      await hub.publish('news', { data: 'missed' });
      await client.untilClosed();
      await client.reconnect();
      await hub.publish('news', { data: 'live' });
      await client.until(() => told(client).includes('live'));
      expect(told(client)).toEqual([
        'seen',
        'closed signed-out',
        'missed',
        'live',
      ]);
    });

    it('but not one that arrives later and takes up the topic', async () => {
      const { hub, app } = await start();
      await hub.disconnect({ topic: 'news' });
      const client = await SseTestClient.connect(app, '/events', as('7'));
      await hub.publish('news', { data: 'live' });
      await client.next();
      expect(told(client)).toEqual(['live']);
    });
  });

  describe('is an entry of the log', () => {
    it('which nobody sees, live, in replay or by rewind', async () => {
      const log = new MemoryLog();
      const { hub, app } = await start({ log });
      const heard: string[] = [];
      hub
        .listen({ patterns: ['**'], audience: 'all' })
        .subscribe(({ data }) => heard.push(data as string));
      const cursor = await hub.head();
      await hub.publish('rooms.1', { data: 'one' });
      await hub.disconnect({ user: 'somebody' });
      await hub.refresh({ user: 'somebody' });
      await hub.publish('rooms.1', { data: 'two' });
      expect(await hub.head()).toBe((await log.bounds()).head);
      const replayed = await SseTestClient.connect(
        app,
        `/pattern?lastEventId=${cursor}`,
        as('7'),
      );
      await replayed.until(() => told(replayed).includes('two'));
      expect(told(replayed)).toEqual(['one', 'two']);
      await eventually(() => heard.length >= 2);
      expect(heard).toEqual(['one', 'two']);

      const { entries } = await log.read(cursor, { events: 9, bytes: 9_999 });
      expect(entries.map(({ type }) => type)).toEqual([
        'message',
        'hub.disconnect',
        'hub.refresh',
        'message',
      ]);
    });

    it('that no application can publish to or ask for', async () => {
      const { hub, app } = await start();
      const log = new MemoryLog();
      await log.close();
      await expect(hub.publish('*hub', { data: 1 })).rejects.toThrow(
        InvalidTopicException,
      );
      expect(() => hub.listen({ topics: ['*hub'] })).toThrow(
        InvalidTopicException,
      );
      expect(() => hub.listen({ patterns: ['*hub'] })).toThrow(
        InvalidTopicException,
      );
      expect(
        (
          await SseTestClient.connect(
            app,
            `/chosen?topic=${encodeURIComponent('*hub')}`,
          )
        ).status,
      ).toBe(500);
    });

    it('which has to name somebody, and nobody by mistake', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(app, '/events', as('7'));
      const refused: [criteria: object, reason?: unknown][] = [
        [{}],
        [{ users: ['7'] }],
        [{ user: 7, toppic: 'news' }],
        [{ user: undefined, topic: 'news' }],
        [{ user: null }],
        [{ user: '' }],
        [{ user: { id: 7 } }],
        [{ connection: '' }],
        [{ connection: 7 }],
        [{ user: 7 }, ''],
        [{ user: 7 }, 'x'.repeat(65)],
        [{ user: 7 }, { why: 'because' }],
      ];
      for (const [criteria, reason] of refused) {
        await expect(
          hub.disconnect(criteria, reason as string),
        ).rejects.toThrow(InvalidRevocationException);
      }
      await expect(hub.disconnect({ topic: 'news.*' })).rejects.toThrow(
        InvalidTopicException,
      );
      await expect(hub.disconnect(null as never)).rejects.toThrow(
        InvalidRevocationException,
      );
      await hub.publish('news', { data: 'on' });
      await client.next();
      expect(told(client)).toEqual(['on']);
    });

    it('which fails when the log does not take it', async () => {
      const { hub, app } = await start();
      await app.close();
      const late = hub.disconnect({ user: 7 });
      await expect(late).rejects.toThrow(LogUnavailableException);
    });
  });

  it('keeps a reason inside its JSON', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/events', as('7'));
    await hub.disconnect({ user: 7 }, 'a\nb"\rdata: x');
    expect((await client.untilClosed()).clean).toBe(true);
    expect(told(client)).toEqual(['closed a\nb"\rdata: x']);
  });
});

describe('hub.disconnect over HTTP/2', () => {
  const adapter = () =>
    new FastifyAdapter({ http2: true }) as unknown as AbstractHttpAdapter;

  async function start() {
    const app = await startApp(adapter, {
      controllers: [StreamsController],
      options: {
        slowClient: { maxPendingBytes: 8 * 1024 * 1024 },
        window: { bytes: 8 * 1024 * 1024 },
      },
    });
    const session = http2.connect(app.url);
    const request = (path: string, user: string) => {
      const stream = session.request({ ':path': path, 'x-user': user });
      const got = { text: '', code: undefined as number | undefined };
      stream.setEncoding('utf8');
      stream.on('error', () => undefined);
      stream.on('close', () => (got.code = stream.rstCode));
      return {
        got,
        stream,
        read: () => stream.on('data', (text: string) => (got.text += text)),
      };
    };
    return { ...app, session, request };
  }

  it('ends a stream with its reason, and leaves the session and its other streams', async () => {
    const { hub, session, request } = await start();
    const meant = request('/events', '7');
    const other = request('/events', '8');
    meant.read();
    other.read();
    await eventually(() => hub.connections().length === 2);
    await eventually(() => other.got.text.includes('checkpoint'));
    await eventually(() => meant.got.text.includes('checkpoint'));
    await settled(() => meant.got.text.length, 20);
    await hub.disconnect({ user: 7 });
    await hub.publish('news', { data: 'on' });
    await eventually(() => other.got.text.includes('data: on'));
    await eventually(() => meant.got.code !== undefined);
    expect(blocksOf(meant.got.text).at(-1)).toBe(
      'event: hub.closed\ndata: {"reason":"revoked"}',
    );
    expect(meant.got.code).toBe(http2.constants.NGHTTP2_NO_ERROR);
    session.destroy();
  });

  it('resets a stream that its client does not read, and nothing of it comes', async () => {
    const { hub, session, request } = await start();
    const meant = request('/own', '7');
    await new Promise((resolve) => meant.stream.once('response', resolve));
    source.next(`first${'x'.repeat(1024 * 1024)}`);
    await nextTurn();
    source.next('second');
    await nextTurn();
    await hub.disconnect({ user: 7 });
    expect(connections[0]!.signal.reason).toBe('revoked');
    meant.read();
    await eventually(() => meant.got.code !== undefined);
    expect(meant.got.text).not.toMatch(/second|hub\.closed/);
    session.destroy();
  });

  it('reaches a connect on its way', async () => {
    const { hub, session, request } = await start();
    gate.closed = true;
    const meant = request('/slow-guard', '7');
    await eventually(() => gate.size === 1);
    await hub.disconnect({ user: 7 });
    gate.open();
    meant.read();
    await eventually(() => meant.got.code !== undefined);
    expect(meant.got.text).toMatch(
      /^retry: \d+\n\nevent: hub\.closed\ndata: {"reason":"revoked"}\n\n$/,
    );
    session.destroy();
  });
});

describe('hub.disconnect and a request of another server than the app’s', () => {
  it('counts it as arriving when its connection is made', async () => {
    const { hub, app } = await startApp(() => new ExpressAdapter(), {
      controllers: [StreamsController],
    });
    const server = http.createServer(
      app.getHttpAdapter().getInstance() as http.RequestListener,
    );
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const { port } = server.address() as AddressInfo;
    await hub.disconnect({ user: 7 });
    const client = await SseTestClient.connect(
      `http://127.0.0.1:${port}/events`,
      as('7'),
    );
    await hub.publish('news', { data: 'on' });
    await client.next();
    await hub.disconnect({ user: 7 });
    expect((await client.untilClosed()).clean).toBe(true);
    expect(told(client)).toEqual(['on', 'closed revoked']);
    server.close();
  });
});
