import { jest } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type {
  CallHandler,
  CanActivate,
  ExecutionContext,
  NestInterceptor,
} from '@nestjs/common';
import { NEVER, Subject, defer } from 'rxjs';
import type { Observable } from 'rxjs';
import {
  Connection,
  EventHub,
  HubEvent,
  MemoryLog,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { Subjects } from '../src/hub/subjects.js';
import { eventually, settled } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';
import type { AppParts } from './support/running-app.js';
import { blocksOf, readResponse } from './support/wire.js';
import {
  WireClient,
  brief,
  destroyWireClients,
} from './support/wire-client.js';

const connections: SseConnection[] = [];
let gate: Promise<void>;
let openGate: () => void;
let entered: number;
let source: Subject<unknown>;

/** Somewhere on the way to the handler; waits until the test opens the gate. */
async function pass(): Promise<void> {
  entered++;
  await gate;
}

@Injectable()
class GatedGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    await pass();
    return true;
  }
}

@Injectable()
class GatedInterceptor implements NestInterceptor {
  async intercept(
    _context: ExecutionContext,
    next: CallHandler,
  ): Promise<Observable<unknown>> {
    await pass();
    return next.handle();
  }
}

@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    connections.push(connection);
    return this.hub.stream({
      topics: ['numbers'],
      patterns: ['numbers.*'],
      for: connection,
    });
  }

  @Sse('source')
  source(@Connection() connection: SseConnection) {
    connections.push(connection);
    return source;
  }

  @Sse('gated-handler')
  async gatedHandler(@Connection() connection: SseConnection) {
    connections.push(connection);
    await pass();
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Sse('gated-guard')
  @UseGuards(GatedGuard)
  gatedGuard(@Connection() connection: SseConnection) {
    connections.push(connection);
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Sse('gated-interceptor')
  @UseInterceptors(GatedInterceptor)
  gatedInterceptor(@Connection() connection: SseConnection) {
    connections.push(connection);
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Get('gated-json')
  async gatedJson() {
    await pass();
    return { gated: true };
  }

  @Sse('silent')
  silent() {
    return NEVER;
  }

  @Sse('deferred')
  deferred() {
    return defer(() => source);
  }
}

@Controller('behind')
@UseInterceptors(GatedInterceptor)
class BehindInterceptorController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    connections.push(connection);
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }
}

const parts = (): AppParts => ({
  controllers: [StreamsController, BehindInterceptorController],
  options: {
    log: new MemoryLog({ maxEvents: 1_000_000, maxBytes: 2 ** 30 }),
    heartbeat: 100,
  },
});

const blockOf = ({ id, data }: HubEvent): string =>
  `id: ${id}\ndata: ${JSON.stringify(data)}`;

const endOf = (n: number): string => `"n":${n}}\n\n`;

function publish(
  hub: EventHub,
  count: number,
  extra = {},
): Promise<HubEvent[]> {
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  return Promise.all(
    numbers.map((n) => hub.publish('numbers', { data: { ...extra, n } })),
  );
}

describe.each(platforms)(
  'Invariant 9, one bad stream hurts itself only (%s)',
  (_, adapter) => {
    let errors: unknown[];
    const keep = (error: unknown): void => {
      errors.push(error);
    };

    /** What observes the hub of the app; it is made when first observed. */
    const watchSubjects = () => {
      const observe = jest.spyOn(Subjects.prototype, 'observe');
      return () =>
        (observe.mock.contexts.at(-1) as Subjects | undefined)?.size ?? 0;
    };

    beforeEach(() => {
      connections.length = 0;
      entered = 0;
      errors = [];
      source = new Subject();
      gate = new Promise((resolve) => {
        openGate = resolve;
      });
      process.on('uncaughtExceptionMonitor', keep);
    });

    afterEach(async () => {
      openGate();
      jest.restoreAllMocks();
      await closeSseTestClients();
      destroyWireClients();
      await closeApps();
      process.off('uncaughtExceptionMonitor', keep);
      expect(errors).toEqual([]);
    });

    it('a client that resets its connection mid-write', async () => {
      const { hub, port } = await startApp(adapter, parts());
      const reader = await WireClient.get(port, '/events');
      const resetting = await Promise.all(
        Array.from({ length: 20 }, () => WireClient.get(port, '/events')),
      );
      await Promise.all(
        [reader, ...resetting].map((client) =>
          client.untilTail('hub.checkpoint'),
        ),
      );
      resetting.forEach(({ socket }) => socket.pause());
      const published = publish(hub, 512, { text: 'x'.repeat(16 * 1024) });
      await reader.untilTail('"n":');
      for (const { socket } of resetting) {
        socket.resetAndDestroy();
      }
      const events = await published;
      await reader.untilTail(endOf(512));
      const blocks = blocksOf(readResponse(reader.bytes).body).filter((block) =>
        /^id: .*\ndata: /.test(block),
      );
      expect(brief(blocks)).toEqual(brief(events.map(blockOf)));
      await eventually(() => hub.connections().length === 1);
    });

    it('a client that resets while the stream is being ended', async () => {
      const { hub, port } = await startApp(adapter, parts());
      const clients = await Promise.all(
        Array.from({ length: 20 }, () => WireClient.get(port, '/events')),
      );
      await eventually(() => hub.connections().length === 20);
      clients.forEach(({ socket }) => socket.pause());
      await publish(hub, 64, { text: 'x'.repeat(16 * 1024) });
      connections.forEach((connection) => connection.close());
      for (const { socket } of clients) {
        socket.resetAndDestroy();
      }
      await publish(hub, 64);
      expect(hub.connections()).toHaveLength(0);
    });

    it('a client that leaves while a stream of its own emits on', async () => {
      const { hub, port } = await startApp(adapter, parts());
      const client = await WireClient.get(port, '/source');
      await client.untilTail('retry:');
      client.socket.resetAndDestroy();
      while (source.observed) {
        source.next('x'.repeat(16 * 1024));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(hub.connections()).toHaveLength(0);
      expect(connections[0]!.signal.reason).toBe('client');
    });

    it('clients that have left leave no connection and no Subject behind', async () => {
      const size = watchSubjects();
      const { hub, app } = await startApp(adapter, parts());
      await Promise.all(
        Array.from({ length: 20 }, () => SseTestClient.connect(app, '/events')),
      );
      expect(hub.connections()).toHaveLength(20);
      await eventually(() => size() > 0);
      await closeSseTestClients();
      await eventually(() => hub.connections().length === 0);
      expect(size()).toBe(0);
      expect(connections.map(({ signal }) => signal.reason)).toEqual(
        Array(20).fill('client'),
      );
    });

    it('500 clients that connect and leave at any moment leave nothing behind', async () => {
      const size = watchSubjects();
      const { app, hub, port } = await startApp(adapter, parts());
      for (let round = 0; round < 10; round++) {
        await Promise.all(
          Array.from({ length: 50 }, async (_unused, i) => {
            const client = await WireClient.get(port, '/events');
            if (i % 3 === 0) {
              await client.untilTail('hub.checkpoint');
            } else if (i % 3 === 1) {
              await client.until(() => client.received > 0);
            }
            if (i % 2 === 0) {
              client.socket.destroy();
            } else {
              client.socket.resetAndDestroy();
            }
          }),
        );
        await publish(hub, 8);
      }
      await eventually(() => hub.connections().length === 0);
      await settled(() => connections.length);
      expect(hub.connections()).toHaveLength(0);
      expect(size()).toBe(0);
      expect(connections.every(({ signal }) => signal.aborted)).toBe(true);
      const open = await new Promise<number>((resolve, reject) =>
        app
          .getHttpServer()
          .getConnections((error: Error | null, count: number) =>
            error ? reject(error) : resolve(count),
          ),
      );
      expect(open).toBe(0);
    });

    it('a client that leaves while its handler is at work: the signal is aborted, nothing is left', async () => {
      const size = watchSubjects();
      const { hub, port } = await startApp(adapter, parts());
      const client = await WireClient.get(port, '/gated-handler');
      await eventually(() => entered === 1);
      const { signal } = connections[0]!;
      expect(signal.aborted).toBe(false);
      client.socket.resetAndDestroy();
      await eventually(() => signal.aborted);
      expect(signal.reason).toBe('client');
      openGate();
      await publish(hub, 8);
      await settled(size);
      expect(size()).toBe(0);
      expect(hub.connections()).toHaveLength(0);
    });

    it.each(['/gated-guard', '/gated-interceptor', '/behind/events'])(
      'a client that leaves before its handler is called (%s) leaves nothing',
      async (path) => {
        const size = watchSubjects();
        const { app, hub, port } = await startApp(adapter, parts());
        let serverSocketClosed = false;
        app.getHttpServer().on('connection', (socket: NodeJS.EventEmitter) =>
          socket.on('close', () => {
            serverSocketClosed = true;
          }),
        );
        const client = await WireClient.get(port, path);
        await eventually(() => entered === 1);
        client.socket.resetAndDestroy();
        await eventually(() => serverSocketClosed);
        openGate();
        await settled(() => connections.length);
        // A stream that stays would be written to now, and by a heartbeat.
        await publish(hub, 8);
        const other = await SseTestClient.connect(
          `http://127.0.0.1:${port}/silent`,
        );
        await other.until(() => other.comments.length === 2);
        expect(hub.connections()).toHaveLength(1);
        expect(size()).toBe(0);
        expect(connections.every(({ signal }) => signal.aborted)).toBe(true);
      },
    );

    it('a client that leaves while its stream waits behind an unfinished response leaves nothing', async () => {
      const size = watchSubjects();
      const { hub, port } = await startApp(adapter, parts());
      const client = await WireClient.get(port, '/gated-json');
      client.send('GET', '/events');
      await eventually(() => hub.connections().length === 1 && size() > 0);
      client.socket.resetAndDestroy();
      await eventually(() => hub.connections().length === 0);
      expect(size()).toBe(0);
      expect(connections[0]!.signal.reason).toBe('client');
    });

    it('a client that leaves takes the subscription of its source with it', async () => {
      const { port, hub } = await startApp(adapter, parts());
      const client = await WireClient.get(port, '/deferred');
      await client.untilTail('retry:');
      expect(source.observed).toBe(true);
      client.socket.resetAndDestroy();
      await eventually(() => !source.observed);
      expect(hub.connections()).toHaveLength(0);
    });
  },
);
