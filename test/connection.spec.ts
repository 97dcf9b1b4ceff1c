import { Controller, Get, SseSignal, UseGuards } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  Connection,
  EventHub,
  LastEventId,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import {
  NEVER,
  defer,
  Observable,
  ReplaySubject,
  Subject,
  finalize,
  of,
  startWith,
} from 'rxjs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { answer } from './support/answer.js';
import { CaughtErrors } from './support/caught-errors.js';
import { eventually } from './support/eventually.js';
import type { HeaderUser } from './support/header-user.guard.js';
import { HeaderUserGuard } from './support/header-user.guard.js';
import { closeApps, platforms, startApp } from './support/running-app.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('A connection on %s', (_, adapter) => {
  /** An app with one hub stream that keeps the connections it has served. */
  async function start(
    options: SseModuleOptions = {},
    usedAdapter = adapter,
    configure?: (app: any) => void,
  ) {
    const served: SseConnection<HeaderUser>[] = [];

    @UseGuards(HeaderUserGuard)
    @Controller()
    class EventsController {
      constructor(private readonly hub: EventHub) {}

      @Sse('events')
      events(@Connection() connection: SseConnection<HeaderUser>) {
        served.push(connection);
        return this.hub.stream({ topics: ['news'], for: connection });
      }
    }

    const running = await startApp(usedAdapter, {
      controllers: [EventsController],
      options,
      configure,
    });
    return { ...running, events: `${running.url}/events`, served };
  }

  it('tells id, user, time and address of its client', async () => {
    const before = Date.now();
    const { app, served } = await start();
    await SseTestClient.connect(app, '/events', {
      headers: { 'x-user': '42', 'x-roles': 'editor' },
    });
    const [connection] = served;
    expect(connection!.id).toMatch(/./);
    expect(connection!.user).toEqual({ id: 42, roles: ['editor'] });
    expect(connection!.lastEventId).toBeUndefined();
    expect(connection!.openedAt).toBeInstanceOf(Date);
    expect(connection!.openedAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(connection!.openedAt.getTime()).toBeLessThanOrEqual(Date.now());
    expect(connection!.remoteAddress).toMatch(/127\.0\.0\.1$/);
    expect(connection!.signal.aborted).toBe(false);
  });

  it('has no user when no guard put one on the request', async () => {
    const { app, served } = await start();
    await SseTestClient.connect(app, '/events');
    expect(served[0]!.user).toBeUndefined();
  });

  it('has an id of its own', async () => {
    const { app, served } = await start();
    await Promise.all([
      SseTestClient.connect(app, '/events'),
      SseTestClient.connect(app, '/events'),
      SseTestClient.connect(app, '/events'),
    ]);
    expect(new Set(served.map(({ id }) => id)).size).toBe(3);
  });

  it('takes its user from where the option `user` says', async () => {
    const { app, served } = await start({
      user: (context) =>
        context.switchToHttp().getRequest<{ headers: Record<string, string> }>()
          .headers['x-name'],
    });
    await SseTestClient.connect(app, '/events', {
      headers: { 'x-name': 'ann' },
    });
    expect(served[0]!.user).toBe('ann');
  });

  it('tells the address that a trusted proxy reports', async () => {
    const trusting =
      adapter() instanceof ExpressAdapter
        ? adapter
        : () =>
            new FastifyAdapter({
              trustProxy: true,
            }) as unknown as AbstractHttpAdapter;
    const { app, served } = await start({}, trusting, (app) => {
      if (adapter() instanceof ExpressAdapter) {
        app.set('trust proxy', true);
      }
    });
    await SseTestClient.connect(app, '/events', {
      headers: { 'x-forwarded-for': '203.0.113.9' },
    });
    expect(served[0]!.remoteAddress).toBe('203.0.113.9');
  });

  describe('knows the cursor that the client came with', () => {
    @Controller()
    class CursorController {
      @Sse('cursor')
      cursor(
        @Connection() connection: SseConnection,
        @LastEventId() lastEventId?: string,
      ) {
        return of({
          data: [connection.lastEventId ?? null, lastEventId ?? null],
        });
      }

      @Get('plain')
      plain(@LastEventId() lastEventId?: string) {
        return { lastEventId };
      }
    }

    const cases: [
      from: string,
      query: string,
      header: string | undefined,
      cursor: string | null,
    ][] = [
      ['no header and no query', '', undefined, null],
      ['the header', '', 'e-1', 'e-1'],
      ['the query', '?lastEventId=e-2', undefined, 'e-2'],
      ['the header before the query', '?lastEventId=e-2', 'e-1', 'e-1'],
      ['an empty query', '?lastEventId=', undefined, null],
      [
        'a query given twice, the first',
        '?lastEventId=e-1&lastEventId=e-2',
        undefined,
        'e-1',
      ],
    ];

    it.each(cases)('from %s', async (_name, query, lastEventId, cursor) => {
      const { app } = await startApp(adapter, {
        controllers: [CursorController],
      });
      const client = await SseTestClient.connect(app, `/cursor${query}`, {
        lastEventId,
      });
      expect((await client.next()).data).toEqual([cursor, cursor]);
    });

    it('also outside a stream', async () => {
      const { url } = await startApp(adapter, {
        controllers: [CursorController],
      });
      expect((await answer(`${url}/plain?lastEventId=e-3`)).body).toEqual({
        lastEventId: 'e-3',
      });
    });
  });

  describe('signal', () => {
    it('is aborted when the client leaves', async () => {
      const { app, served } = await start();
      const client = await SseTestClient.connect(app, '/events');
      const { signal } = served[0]!;
      expect(signal.aborted).toBe(false);
      await client.dropConnection();
      await eventually(() => signal.aborted);
    });

    it('is aborted when the application closes', async () => {
      const { app, served } = await start();
      await SseTestClient.connect(app, '/events');
      await app.close();
      expect(served[0]!.signal.aborted).toBe(true);
    });

    it('is aborted already when it is asked for after the end', async () => {
      const { app, served } = await start();
      const client = await SseTestClient.connect(app, '/events');
      await client.dropConnection();
      expect(served[0]!.signal.aborted).toBe(true);
    });

    const signals: AbortSignal[] = [];
    const source = { current: NEVER as Observable<unknown> };

    @Controller()
    class SignalController {
      @Sse('signal')
      signal(
        @SseSignal() signal: AbortSignal,
        @Connection() connection: SseConnection,
      ) {
        signals.push(signal, connection.signal);
        return source.current;
      }

      @Sse('generator')
      async *generator(@SseSignal() signal: AbortSignal) {
        signals.push(signal);
        yield 'waiting';
        await new Promise((resolve) =>
          signal.addEventListener('abort', resolve),
        );
      }
    }

    beforeEach(() => {
      signals.length = 0;
    });

    it('is what @SseSignal() gives', async () => {
      source.current = NEVER;
      const { app } = await startApp(adapter, {
        controllers: [SignalController],
      });
      const client = await SseTestClient.connect(app, '/signal');
      expect(signals[0]).toBeInstanceOf(AbortSignal);
      expect(signals[0]).toBe(signals[1]);
      await client.dropConnection();
      await eventually(() => signals[0]!.aborted);
    });

    it('is aborted when the observable completes', async () => {
      const subject = new Subject<unknown>();
      source.current = subject;
      const { app } = await startApp(adapter, {
        controllers: [SignalController],
      });
      const client = await SseTestClient.connect(app, '/signal');
      expect(signals[0]!.aborted).toBe(false);
      subject.complete();
      expect(signals[0]!.aborted).toBe(true);
      expect((await client.untilClosed()).clean).toBe(true);
    });

    it('is aborted when the observable fails', async () => {
      const subject = new Subject<unknown>();
      source.current = subject;
      const { app } = await startApp(adapter, {
        controllers: [SignalController],
      });
      await SseTestClient.connect(app, '/signal');
      subject.error(new Error('broken'));
      expect(signals[0]!.aborted).toBe(true);
    });

    it('wakes a generator that waits for it', async () => {
      const { app, hub } = await startApp(adapter, {
        controllers: [SignalController],
      });
      const client = await SseTestClient.connect(app, '/generator');
      await client.next();
      await client.dropConnection();
      await eventually(
        () => signals[0]!.aborted && hub.connections().length === 0,
      );
    });
  });

  describe('close()', () => {
    it('ends the stream behind what was sent, with hub.closed and the reason', async () => {
      const { app, served, hub } = await start();
      const client = await SseTestClient.connect(app, '/events');
      await hub.publish('news', { data: 'last words' });
      await client.next();
      served[0]!.close('signed-out');
      const closed = await client.next('hub.closed');
      expect(closed.data).toEqual({ reason: 'signed-out' });
      expect(closed.id).toBeUndefined();
      expect((await client.untilClosed()).clean).toBe(true);
      expect(served[0]!.signal.aborted).toBe(true);
      expect(hub.connections()).toEqual([]);
    });

    it('may be called again, and on a client that has left', async () => {
      const { app, served, hub } = await start();
      const client = await SseTestClient.connect(app, '/events');
      served[0]!.close('one');
      served[0]!.close('two');
      await client.untilClosed();
      expect(
        client.received.filter(({ type }) => type === 'hub.closed'),
      ).toHaveLength(1);
      served[0]!.close('three');
      expect(hub.connections()).toEqual([]);
    });

    it('in the handler ends the stream behind the head, and leaves nothing open', async () => {
      let open = 0;
      @Controller()
      class ClosingController {
        @Sse('closing')
        closing(@Connection() connection: SseConnection) {
          connection.close('enough');
          return defer(() => {
            open++;
            return NEVER.pipe(
              startWith('unseen'),
              finalize(() => open--),
            );
          });
        }
      }
      const { app, hub } = await startApp(adapter, {
        controllers: [ClosingController],
      });
      const client = await SseTestClient.connect(app, '/closing');
      expect(client.status).toBe(200);
      await client.next('hub.closed');
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.text).not.toContain('unseen');
      expect(hub.connections()).toEqual([]);
      expect(open).toBe(0);
    });

    it.each(['at once', 'later'])(
      'in a handler that fails %s ends the stream; the failure is nobody’s answer',
      async (when) => {
        @Controller()
        class FailingController {
          @Sse('failing')
          failing(@Connection() connection: SseConnection) {
            connection.close('enough');
            if (when === 'at once') {
              throw new Error('too late');
            }
            return nextTurn().then(() => {
              throw new Error('too late');
            });
          }
        }
        let caught: CaughtErrors;
        const { app, hub } = await startApp(adapter, {
          controllers: [FailingController],
          configure: (app: INestApplication) => {
            caught = new CaughtErrors(app);
          },
        });
        const client = await SseTestClient.connect(app, '/failing');
        await client.next('hub.closed');
        expect((await client.untilClosed()).clean).toBe(true);
        expect(hub.connections()).toEqual([]);
        expect(caught!.errors).toEqual([]);
      },
    );

    it('can be called by whoever finds the connection in hub.connections()', async () => {
      const { app, hub } = await start();
      const ann = await SseTestClient.connect(app, '/events', {
        headers: { 'x-user': 'ann' },
      });
      const bob = await SseTestClient.connect(app, '/events', {
        headers: { 'x-user': 'bob' },
      });
      for (const connection of hub.connections()) {
        if ((connection.user as HeaderUser).id === 'ann') {
          connection.close('banned');
        }
      }
      expect((await ann.next('hub.closed')).data).toEqual({
        reason: 'banned',
      });
      await hub.publish('news', { data: 'for who is left' });
      expect((await bob.next()).data).toBe('for who is left');
    });
  });

  it('is in hub.connections() from its head to its end', async () => {
    const { app, hub, served } = await start();
    expect(hub.connections()).toEqual([]);
    const [a, b] = [
      await SseTestClient.connect(app, '/events', {
        headers: { 'x-user': 'ann' },
      }),
      await SseTestClient.connect(app, '/events', {
        headers: { 'x-user': 'bob' },
      }),
    ];
    expect(hub.connections()).toEqual(served);
    expect(
      hub.connections().map(({ user }) => (user as HeaderUser).id),
    ).toEqual(['ann', 'bob']);
    await a.dropConnection();
    expect(hub.connections()).toEqual([served[1]]);
    await b.dropConnection();
    expect(hub.connections()).toEqual([]);
  });

  it('may be injected twice, beside other parameters', async () => {
    @Controller()
    class TwiceController {
      @Sse('twice')
      twice(
        @Connection() one: SseConnection,
        @LastEventId() _id: unknown,
        @Connection() two: SseConnection,
      ) {
        return of({ data: one === two });
      }
    }
    const { app } = await startApp(adapter, { controllers: [TwiceController] });
    expect(
      (await (await SseTestClient.connect(app, '/twice')).next()).data,
    ).toBe(true);
  });

  it('is refused outside @Sse(), with the import to change', async () => {
    let caught!: CaughtErrors;
    @Controller()
    class PlainController {
      @Get('plain')
      plain(@Connection() connection: SseConnection) {
        return connection.id;
      }
    }
    const { url } = await startApp(adapter, {
      controllers: [PlainController],
      configure: (app: INestApplication) => (caught = new CaughtErrors(app)),
    });
    expect((await answer(`${url}/plain`)).status).toBe(500);
    expect(caught.errors[0]!.message).toMatch(
      /Import Sse from there, not from @nestjs\/common/,
    );
  });

  describe('maxPendingDataLength', () => {
    const megabyte = 'x'.repeat(1024 * 1024);
    const source = { current: new ReplaySubject<string>() };
    const signals = new Map<string, AbortSignal>();

    @Controller()
    class BulkController {
      @Sse('small', { maxPendingDataLength: 256 * 1024 })
      small(@Connection() connection: SseConnection) {
        return this.bulk('small', connection);
      }

      @Sse('default')
      default(@Connection() connection: SseConnection) {
        return this.bulk('default', connection);
      }

      @Sse('unlimited', { maxPendingDataLength: 0 })
      unlimited(@Connection() connection: SseConnection) {
        return this.bulk('unlimited', connection);
      }

      @Sse('infinite', { maxPendingDataLength: Infinity })
      infinite(@Connection() connection: SseConnection) {
        return this.bulk('infinite', connection);
      }

      private bulk(name: string, connection: SseConnection) {
        signals.set(name, connection.signal);
        return source.current;
      }
    }

    /** Emits so much that no socket's buffers hold it. */
    async function emitMuch() {
      for (let i = 0; i < 24; i++) {
        source.current.next(megabyte);
        await nextTurn();
      }
    }

    beforeEach(() => {
      source.current = new ReplaySubject(1);
      signals.clear();
    });

    it.each(['unlimited', 'infinite'])(
      '%s lets everything wait for a client that does not read',
      async (path) => {
        const { app } = await startApp(adapter, {
          controllers: [BulkController],
        });
        const client = await SseTestClient.connect(app, `/${path}`);
        const cut = await SseTestClient.connect(app, '/default');
        client.pause();
        cut.pause();
        await emitMuch();
        await eventually(() => signals.get('default')!.aborted);
        expect(signals.get(path)!.aborted).toBe(false);
        client.resume();
        await client.until(() => client.received.length === 24);
      },
    );

    it('cuts a client of the route for which more waits', async () => {
      const { app } = await startApp(adapter, {
        controllers: [BulkController],
        options: {
          slowClient: { maxPendingBytes: 64 * 1024 * 1024 },
          window: { bytes: 64 * 1024 * 1024 },
        },
      });
      const small = await SseTestClient.connect(app, '/small');
      const unlimited = await SseTestClient.connect(app, '/default');
      small.pause();
      unlimited.pause();
      await emitMuch();
      await eventually(() => signals.get('small')!.aborted);
      expect(signals.get('default')!.aborted).toBe(false);
      small.resume();
      expect((await small.untilClosed()).clean).toBe(false);
    });

    it('does not cut a client that reads', async () => {
      const { app } = await startApp(adapter, {
        controllers: [BulkController],
      });
      const client = await SseTestClient.connect(app, '/small');
      for (let i = 1; i <= 50; i++) {
        source.current.next('x'.repeat(128 * 1024));
        await client.until(() => client.received.length === i);
      }
      expect(signals.get('small')!.aborted).toBe(false);
    });
  });
});
