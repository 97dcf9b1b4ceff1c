import {
  Catch,
  ConflictException,
  Controller,
  UseFilters,
} from '@nestjs/common';
import type {
  ArgumentsHost,
  CallHandler,
  ExceptionFilter,
  ExecutionContext,
  INestApplication,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  NEVER,
  Observable,
  Subject,
  concat,
  map,
  of,
  range,
  retry,
} from 'rxjs';
import {
  Connection,
  EventHub,
  EventTooLargeException,
  HubEvent,
  MemoryLog,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { driveClock, releaseClock } from './support/driven-clock.js';
import type { DrivenClock } from './support/driven-clock.js';
import { eventually, settled } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';
import type { AppParts, RunningApp } from './support/running-app.js';
import { blocksOf, readResponse } from './support/wire.js';
import {
  WireClient,
  brief,
  destroyWireClients,
} from './support/wire-client.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const HEARTBEAT = 100;

/** More than the system's buffers on both sides take. */
const BURST = 20 * MIB;

/** By path, in the order of connecting. */
const connections: Record<string, SseConnection[]> = {};
let source: Subject<unknown>;
let pulled: number;
let gate: Promise<void>;
let openGate: () => void;

function remember(path: string, connection: SseConnection): void {
  (connections[path] ??= []).push(connection);
}

/** Answers when the test opens the gate. */
@Catch(ConflictException)
class GatedFilter implements ExceptionFilter {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  async catch(error: ConflictException, host: ArgumentsHost): Promise<void> {
    await gate;
    const response = host.switchToHttp().getResponse<unknown>();
    this.adapterHost.httpAdapter.reply(response, { late: true }, 409);
  }
}

@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    remember('events', connection);
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Sse('own')
  own(@Connection() connection: SseConnection) {
    remember('own', connection);
    return source;
  }

  @Sse('own-small', { maxPendingDataLength: 64 * KIB })
  ownSmall(@Connection() connection: SseConnection) {
    remember('own-small', connection);
    return source;
  }

  @Sse('own-unlimited', { maxPendingDataLength: 0 })
  ownUnlimited(@Connection() connection: SseConnection) {
    remember('own-unlimited', connection);
    return source;
  }

  @Sse('own-at-once')
  ownAtOnce(@Connection() connection: SseConnection) {
    remember('own-at-once', connection);
    const text = 'x'.repeat(MIB);
    return concat(range(0, 32).pipe(map(() => text)), NEVER);
  }

  @Sse('own-large')
  ownLarge() {
    return concat(of({ text: 'x'.repeat(4 * MIB), n: 1 }), NEVER);
  }

  /** As much as may be pending, in two turns behind the head. */
  @Sse('own-in-turns', { maxPendingDataLength: 64 * KIB })
  ownInTurns() {
    const text = 'x'.repeat(40 * KIB);
    return new Observable((subscriber) => {
      setImmediate(() => {
        subscriber.next({ text, n: 1 });
        setImmediate(() => subscriber.next({ text, n: 2 }));
      });
    });
  }

  @Sse('generated')
  async *generated(@Connection() connection: SseConnection) {
    remember('generated', connection);
    const text = 'x'.repeat(64 * KIB);
    for (; pulled < BURST / (64 * KIB); pulled++) {
      yield { text, n: pulled };
    }
  }

  @Sse('silent')
  silent() {
    return NEVER;
  }

  /** Its first call fails. */
  @Sse('tried-again')
  @UseFilters(GatedFilter)
  triedAgain(@Connection() connection: SseConnection) {
    remember('tried-again', connection);
    if (connections['tried-again']!.length === 1) {
      throw new ConflictException();
    }
    return NEVER;
  }
}

const blockOf = ({ id, data }: HubEvent): string =>
  `id: ${id}\ndata: ${JSON.stringify(data)}`;

/** How the block of an event ends; `n` is the last of its data. */
const endOf = (n: number): string => `"n":${n}}\n\n`;

/** Publishes events of a size, numbered from 1, until they are so many bytes. */
async function publish(
  hub: EventHub,
  { size, bytes }: { size: number; bytes: number },
): Promise<HubEvent[]> {
  const text = 'x'.repeat(size);
  const numbers = Array.from(
    { length: Math.ceil(bytes / size) },
    (_, i) => i + 1,
  );
  return Promise.all(
    numbers.map((n) => hub.publish('numbers', { data: { text, n } })),
  );
}

/** The blocks that carry events of the app; of a stream that was cut, those that are whole. */
function appBlocks({ bytes }: WireClient): string[] {
  const { body, complete } = readResponse(bytes);
  const whole = complete ? body : body.slice(0, body.lastIndexOf('\n\n') + 2);
  return blocksOf(whole).filter(
    (block) => /^data: /m.test(block) && !/^event: hub\./m.test(block),
  );
}

/** What EventSource would send back as `Last-Event-ID`. */
function cursorOf({ bytes }: WireClient): string {
  const { body } = readResponse(bytes);
  const whole = body.slice(0, body.lastIndexOf('\n\n') + 2);
  return [...whole.matchAll(/^id: (.*)$/gm)].at(-1)![1]!;
}

interface WatchedApp extends RunningApp {
  readonly clock: DrivenClock;
  /** The server's ends of the connections, in the order of connecting. */
  readonly sockets: Socket[];
}

async function open({ port }: RunningApp, path: string): Promise<WireClient> {
  const client = await WireClient.get(port, path);
  await client.untilTail('retry:');
  return client;
}

async function openPaused(app: RunningApp, path: string): Promise<WireClient> {
  const client = await open(app, path);
  client.socket.pause();
  return client;
}

/** Reads nothing from the beginning. */
async function connectPaused(
  app: RunningApp,
  path: string,
): Promise<WireClient> {
  const client = await WireClient.connect(app.port);
  client.socket.pause();
  client.send('GET', path);
  return client;
}

/** What the system has not taken yet of what was written to a socket. */
const unsentTo = (socket: Socket): number | undefined =>
  (socket as { _handle?: { writeQueueSize?: number } | null })._handle
    ?.writeQueueSize;

const reasonOf = (path: string): unknown =>
  connections[path]![0]!.signal.reason;

describe.each(platforms)('Slow clients (%s)', (_, adapter) => {
  const start = async (
    options: SseModuleOptions = {},
    configure?: AppParts['configure'],
  ): Promise<WatchedApp> => {
    const clock = driveClock();
    const app = await startApp(adapter, {
      controllers: [StreamsController],
      options: {
        log: new MemoryLog({ maxEvents: 1_000_000, maxBytes: 2 ** 30 }),
        heartbeat: HEARTBEAT,
        ...options,
      },
      configure,
    });
    const sockets: Socket[] = [];
    app.app
      .getHttpServer()
      .on('connection', (socket: Socket) => sockets.push(socket));
    return { ...app, sockets, clock };
  };

  /** Waits until every connection was swept after the clock has moved on by a heartbeat. */
  const swept = async (watch: WireClient): Promise<void> => {
    const { received } = watch;
    await watch.until(() => watch.received > received);
  };

  /**
   * Lets time pass, a heartbeat after the other, until the system's buffers are full: the first client's stall
   * counts from at most two heartbeats ago.
   */
  const untilFull = async (
    { clock, sockets }: WatchedApp,
    watch: WireClient,
  ): Promise<void> => {
    let before: number | undefined;
    do {
      before = unsentTo(sockets[0]!);
      clock.advance(HEARTBEAT);
      await swept(watch);
    } while (unsentTo(sockets[0]!) !== before);
  };

  beforeEach(() => {
    for (const path of Object.keys(connections)) {
      delete connections[path];
    }
    source = new Subject();
    pulled = 0;
    gate = new Promise((resolve) => {
      openGate = resolve;
    });
  });

  afterEach(async () => {
    openGate();
    releaseClock();
    destroyWireClients();
    await closeApps();
  });

  describe('Invariant 6, bounded memory', () => {
    it('holds while a client reads nothing of a burst, which then gets all of it from the log', async () => {
      const app = await start();
      const client = await openPaused(app, '/events');
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, app.sockets[0]!.writableLength);
      });
      const events = await publish(app.hub, { size: 16 * KIB, bytes: BURST });
      clearInterval(watch);
      most = Math.max(most, app.sockets[0]!.writableLength);
      // It did not all fit into the system's buffers.
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(MIB);
      expect(app.hub.connections()).toHaveLength(1);

      client.socket.resume();
      await client.untilTail(endOf(events.length));
      expect(brief(appBlocks(client))).toEqual(brief(events.map(blockOf)));
    });

    it.each([
      ['a few large events', 512 * KIB],
      ['many small events', 2 * KIB],
    ])(
      'cuts nobody who reads: a burst of 20 MiB, %s, 1 MiB bound',
      async (_name, size) => {
        const app = await start();
        const client = await open(app, '/events');
        const slow = await openPaused(app, '/events');
        const publishing = publish(app.hub, { size, bytes: BURST });
        const reading = (async () => {
          while (!slow.tail.includes(endOf(Math.ceil(BURST / size)))) {
            await slow.readStep();
          }
        })();
        const events = await publishing;
        await Promise.all([client.untilTail(endOf(events.length)), reading]);
        const wanted = brief(events.map(blockOf));
        expect(brief(appBlocks(client))).toEqual(wanted);
        expect(brief(appBlocks(slow))).toEqual(wanted);
        expect(app.hub.connections()).toHaveLength(2);
      },
    );

    it('delays nobody: others get every event while one client stalls', async () => {
      const app = await start();
      const stalled = await openPaused(app, '/events');
      const others = [await open(app, '/events'), await open(app, '/events')];
      const events = await publish(app.hub, { size: 16 * KIB, bytes: BURST });
      await Promise.all(
        others.map((other) => other.untilTail(endOf(events.length))),
      );
      expect(app.sockets[0]!.writableLength).toBeGreaterThan(0);
      for (const other of others) {
        expect(brief(appBlocks(other))).toEqual(brief(events.map(blockOf)));
      }
      stalled.socket.resume();
      await stalled.untilTail(endOf(events.length));
      expect(brief(appBlocks(stalled))).toEqual(brief(events.map(blockOf)));
    });

    it('cuts a client that takes nothing for stallTimeout, which resumes by its cursor without hole or double', async () => {
      const app = await start({ slowClient: { stallTimeout: 3_000 } });
      const stalled = await openPaused(app, '/events');
      const watch = await open(app, '/silent');
      const events = await publish(app.hub, { size: 16 * KIB, bytes: BURST });
      await untilFull(app, watch);
      app.clock.advance(2_700);
      await swept(watch);
      expect(app.hub.connections()).toHaveLength(2);
      app.clock.advance(300);
      await eventually(() => connections.events![0]!.signal.aborted);
      expect(reasonOf('events')).toBe('stalled');
      expect(app.hub.connections()).toHaveLength(1);

      stalled.socket.resume();
      await stalled.until(() => stalled.closed);
      const first = appBlocks(stalled);
      expect(first.length).toBeLessThan(events.length);
      const again = await WireClient.get(app.port, '/events', {
        'Last-Event-ID': cursorOf(stalled),
      });
      await again.untilTail(endOf(events.length));
      expect(brief([...first, ...appBlocks(again)])).toEqual(
        brief(events.map(blockOf)),
      );
    });

    it('counts the stall from when bytes began to wait, not from the last event before a silence', async () => {
      const app = await start({
        heartbeat: 400,
        slowClient: { stallTimeout: 390 },
      });
      await openPaused(app, '/events');
      const watch = await open(app, '/silent');
      app.clock.advance(350);
      await publish(app.hub, { size: 16 * KIB, bytes: BURST });
      app.clock.advance(50);
      await swept(watch);
      expect(app.hub.connections()).toHaveLength(2);
      // Once, unless the system takes bytes as late as that: then the stall counts anew.
      while (!connections.events![0]!.signal.aborted) {
        app.clock.advance(400);
        await swept(watch);
      }
      expect(reasonOf('events')).toBe('stalled');
    });

    it('cuts a client that takes nothing of the end of its stream, too', async () => {
      const app = await start({ slowClient: { stallTimeout: 1_000 } });
      await openPaused(app, '/own-unlimited');
      const watch = await open(app, '/silent');
      source.next('x'.repeat(BURST));
      source.complete();
      await eventually(() => app.hub.connections().length === 1);
      await untilFull(app, watch);
      app.clock.advance(1_000);
      await swept(watch);
      expect(app.sockets[0]!.destroyed).toBe(true);
    });

    it('does not cut a stream that an interceptor got by trying again', async () => {
      const app = await start(
        { slowClient: { stallTimeout: 1_000 } },
        (nest: INestApplication) =>
          nest.useGlobalInterceptors({
            intercept: (_context: ExecutionContext, next: CallHandler) =>
              next.handle().pipe(retry(1)),
          }),
      );
      const client = await open(app, '/tried-again');
      expect(connections['tried-again']).toHaveLength(2);
      const watch = await open(app, '/silent');
      app.clock.advance(1_100);
      await swept(watch);
      app.clock.advance(1_100);
      await swept(watch);
      expect(app.sockets[0]!.destroyed).toBe(false);
      expect(app.hub.connections()).toContain(connections['tried-again']![1]);
      connections['tried-again']![1]!.close();
      await client.untilTail('0\r\n\r\n');
    });

    it('does not cut the answer of an exception filter, however long it takes', async () => {
      const app = await start({ slowClient: { stallTimeout: 1_000 } });
      const watch = await open(app, '/silent');
      const client = await WireClient.get(app.port, '/tried-again');
      await eventually(
        () => connections['tried-again']?.[0]!.signal.aborted === true,
      );
      app.clock.advance(1_100);
      await swept(watch);
      app.clock.advance(1_100);
      await swept(watch);
      openGate();
      await client.untilTail('{"late":true}');
      expect(readResponse(client.bytes).status).toBe(409);
    });

    it('does not cut a client that takes some of what waits, however long all of it takes', async () => {
      const app = await start({ slowClient: { stallTimeout: 1_000 } });
      const client = await openPaused(app, '/own-unlimited');
      const watch = await open(app, '/silent');
      source.next('x'.repeat(40 * MIB));
      source.next({ n: 1 });
      while (!client.tail.includes(endOf(1)) && !client.closed) {
        // More than the system's buffers hide from the server.
        const { received } = client;
        while (
          client.received < received + 5 * MIB &&
          !client.tail.includes(endOf(1))
        ) {
          await client.readStep();
          if (client.closed) {
            break;
          }
        }
        app.clock.advance(600);
        await swept(watch);
      }
      expect(connections['own-unlimited']![0]!.signal.reason).toBe(undefined);
      expect(appBlocks(client)).toHaveLength(2);
    });

    it('refuses an event over the bound when it is published, and takes one at the bound', async () => {
      const app = await start({ slowClient: { maxPendingBytes: 64 * KIB } });
      const client = await open(app, '/events');
      const frame = JSON.stringify({ text: '', n: 1 }).length;
      await expect(
        app.hub.publish('numbers', {
          data: { text: 'x'.repeat(64 * KIB - frame + 1), n: 0 },
        }),
      ).rejects.toThrow(EventTooLargeException);
      const event = await app.hub.publish('numbers', {
        data: { text: 'x'.repeat(64 * KIB - frame), n: 1 },
      });
      await client.untilTail(endOf(1));
      expect(brief(appBlocks(client))).toEqual(brief([blockOf(event)]));
    });

    it('cuts nobody who reads when events are as large as the bound, live or in replay', async () => {
      const app = await start();
      const text = 'x'.repeat(MIB - 100);
      const cursor = await app.hub.head();
      const live = await openPaused(app, '/events');
      const events: HubEvent[] = [];
      for (let n = 1; n <= 16; n++) {
        events.push(
          ...(await Promise.all([
            app.hub.publish('numbers', { data: { n: -n } }),
            app.hub.publish('numbers', { data: { text, n } }),
          ])),
        );
      }
      live.socket.resume();
      const replayed = await WireClient.get(app.port, '/events', {
        'Last-Event-ID': cursor,
      });
      await replayed.untilTail('hub.checkpoint');
      replayed.socket.pause();
      await settled(() => app.sockets[1]!.writableLength);
      replayed.socket.resume();
      await Promise.all(
        [live, replayed].map((client) => client.untilTail(endOf(16))),
      );
      expect(brief(appBlocks(live))).toEqual(brief(events.map(blockOf)));
      expect(brief(appBlocks(replayed))).toEqual(brief(events.map(blockOf)));
    });

    it('cuts nobody who reads when one turn brings more than the bound', async () => {
      const app = await start({ slowClient: { maxPendingBytes: 64 * KIB } });
      const client = await openPaused(app, '/events');
      const events = await publish(app.hub, { size: 16 * KIB, bytes: BURST });
      expect(app.hub.connections()).toHaveLength(1);
      client.socket.resume();
      await client.untilTail(endOf(events.length));
      expect(brief(appBlocks(client))).toEqual(brief(events.map(blockOf)));
    });
  });

  describe('Invariant 6, bounded memory, for streams that cannot be read again', () => {
    it('cuts a client over maxPendingBytes, and nobody who reads', async () => {
      const app = await start();
      const stalled = await openPaused(app, '/own');
      const reader = await open(app, '/own');
      for (let n = 1; n <= 160; n++) {
        source.next({ text: 'x'.repeat(128 * KIB), n });
        await reader.untilTail(endOf(n));
      }
      await eventually(() => connections.own![0]!.signal.aborted);
      expect(reasonOf('own')).toBe('slow');
      expect(connections.own![1]!.signal.aborted).toBe(false);
      expect(app.hub.connections()).toHaveLength(1);
      expect(appBlocks(reader)).toHaveLength(160);
      stalled.socket.resume();
      await stalled.until(() => stalled.closed);
      expect(readResponse(stalled.bytes).complete).toBe(false);
    });

    it('cuts nobody for the size of one event, but who takes none of many such', async () => {
      const app = await start();
      const stalled = await openPaused(app, '/own');
      const reader = await open(app, '/own');
      for (let n = 1; n <= 8; n++) {
        source.next({ text: 'x'.repeat(4 * MIB), n });
        await reader.untilTail(endOf(n));
        expect(app.sockets[0]!.writableLength).toBeLessThan(5 * MIB + KIB);
      }
      expect(appBlocks(reader)).toHaveLength(8);
      await eventually(() => connections.own![0]!.signal.aborted);
      expect(reasonOf('own')).toBe('slow');
      expect(connections.own![1]!.signal.aborted).toBe(false);
      stalled.socket.resume();
      await stalled.until(() => stalled.closed);
    });

    it('cuts nobody for the size of one event that is emitted before the head', async () => {
      const app = await start();
      const client = await WireClient.get(app.port, '/own-large');
      await client.untilTail(endOf(1));
      expect(appBlocks(client)).toHaveLength(1);
    });

    it('cuts nobody for what waits with a head, while many connect', async () => {
      const app = await start();
      for (let round = 0; round < 20; round++) {
        const clients = await Promise.all(
          Array.from({ length: 5 }, () => WireClient.connect(app.port)),
        );
        for (const client of clients) {
          client.send('GET', '/own-in-turns');
          await nextTurn();
        }
        await Promise.all(clients.map((client) => client.untilTail(endOf(2))));
      }
    });

    it('cuts a stream that emits more than that at once', async () => {
      const app = await start();
      await openPaused(app, '/own');
      for (let n = 1; n <= 32; n++) {
        source.next('x'.repeat(MIB));
      }
      await eventually(() => connections.own![0]!.signal.aborted);
      expect(reasonOf('own')).toBe('slow');
      expect(source.observed).toBe(false);
    });

    it('cuts a stream that emits more than that before its head is written', async () => {
      const app = await start();
      await connectPaused(app, '/own-at-once');
      await eventually(() => connections['own-at-once'] !== undefined);
      await eventually(() => connections['own-at-once']![0]!.signal.aborted);
      expect(reasonOf('own-at-once')).toBe('slow');
      expect(app.hub.connections()).toHaveLength(0);
    });

    it('goes by maxPendingDataLength of the route', async () => {
      const app = await start();
      await openPaused(app, '/own-small');
      await openPaused(app, '/own');
      // Fills the system's buffers, and a little of ours.
      while (app.sockets[0]!.writableLength === 0) {
        source.next('x'.repeat(32 * KIB));
        await new Promise((resolve) => setImmediate(resolve));
      }
      for (let i = 0; i < 4; i++) {
        source.next('x'.repeat(32 * KIB));
      }
      await eventually(() => connections['own-small']![0]!.signal.aborted);
      expect(reasonOf('own-small')).toBe('slow');
      expect(connections.own![0]!.signal.aborted).toBe(false);
    });

    it('lifts the limit with maxPendingDataLength: 0', async () => {
      const app = await start();
      const client = await openPaused(app, '/own-unlimited');
      for (let n = 1; n <= 32; n++) {
        source.next({ text: 'x'.repeat(MIB), n });
      }
      await settled(() => app.sockets[0]!.writableLength);
      expect(connections['own-unlimited']![0]!.signal.aborted).toBe(false);
      client.socket.resume();
      await client.untilTail(endOf(32));
      expect(appBlocks(client)).toHaveLength(32);
    });

    it('pulls an async generator at the pace of the client', async () => {
      const app = await start();
      const client = await connectPaused(app, '/generated');
      await eventually(() => connections.generated !== undefined);
      const all = BURST / (64 * KIB);
      expect(await settled(() => pulled)).toBeLessThan(all);
      expect(app.sockets[0]!.writableLength).toBeLessThanOrEqual(MIB);
      client.socket.resume();
      await client.untilTail('hub.complete');
      expect(appBlocks(client)).toHaveLength(all);
    });
  });
});
