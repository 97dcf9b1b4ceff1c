import {
  Controller,
  ForbiddenException,
  Get,
  HttpException,
  Injectable,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-http-bearer';
import { of, throwError } from 'rxjs';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import type { Answer } from '../support/answer.js';
import { eventually } from '../support/eventually.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import type { AppParts } from '../support/running-app.js';
import { WireClient, destroyWireClients } from '../support/wire-client.js';
import { readResponses } from '../support/wire.js';

afterEach(async () => {
  await closeSseTestClients();
  destroyWireClients();
  await closeApps();
});

/** A guard of an app that says what is given here. */
function guard(canActivate: CanActivate['canActivate']): Type<CanActivate> {
  @Injectable()
  class Guard implements CanActivate {
    canActivate = canActivate;
  }
  return Guard;
}

describe.each(platforms)('A guard on %s', (_, adapter) => {
  let handlerCalls: number;

  beforeEach(() => {
    handlerCalls = 0;
  });

  function controller(...guards: Type<CanActivate>[]): Type {
    @UseGuards(...guards)
    @Controller()
    class StreamsController {
      constructor(private readonly hub: EventHub) {}

      @Sse('events')
      events(@Connection() connection: SseConnection) {
        handlerCalls++;
        return this.hub.stream({
          topics: ['news'],
          rewind: 'all',
          for: connection,
        });
      }

      @Get('plain')
      plain() {
        return { status: 'fine' };
      }
    }
    return StreamsController;
  }

  async function start(parts: AppParts) {
    const running = await startApp(adapter, parts);
    await running.hub.publish('news', { data: 'secret' });
    return { ...running, events: `${running.url}/events` };
  }

  /** Answered as any route is, and without a trace. */
  function expectRefused(
    { status, headers, body }: Answer,
    expected: object,
    hub: EventHub,
  ) {
    expect({ status, body }).toEqual(expected);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(handlerCalls).toBe(0);
    expect(hub.connections()).toEqual([]);
  }

  const forbidden = {
    status: 403,
    body: {
      statusCode: 403,
      error: 'Forbidden',
      message: 'Forbidden resource',
    },
  };
  const failed = {
    status: 500,
    body: { statusCode: 500, message: 'Internal server error' },
  };

  const refusals: [
    name: string,
    canActivate: CanActivate['canActivate'],
    expected: object,
  ][] = [
    ['says false', () => false, forbidden],
    ['says a promise of false', async () => false, forbidden],
    ['says an observable of false', () => of(false), forbidden],
    [
      'throws 401',
      () => {
        throw new UnauthorizedException();
      },
      { status: 401, body: { statusCode: 401, message: 'Unauthorized' } },
    ],
    [
      'throws 403 later',
      async () => {
        throw new ForbiddenException('Not in this house');
      },
      {
        status: 403,
        body: {
          statusCode: 403,
          error: 'Forbidden',
          message: 'Not in this house',
        },
      },
    ],
    [
      'emits an exception of its own',
      () =>
        throwError(() => new HttpException({ code: 'PAY', cents: 99 }, 402)),
      { status: 402, body: { code: 'PAY', cents: 99 } },
    ],
    [
      'throws an error',
      () => {
        throw new Error('password of the database');
      },
      failed,
    ],
    [
      'throws an error later',
      async () => {
        throw new Error('password of the database');
      },
      failed,
    ],
  ];

  describe.each<[name: string, parts: (canActivate: Type) => AppParts]>([
    ['on the controller', (Guard) => ({ controllers: [controller(Guard)] })],
    [
      'of the app',
      (Guard) => ({
        controllers: [controller()],
        providers: [{ provide: APP_GUARD, useClass: Guard }],
      }),
    ],
  ])('%s', (_where, parts) => {
    it.each(refusals)(
      'that %s answers as on any route, before the head',
      async (_name, canActivate, expected) => {
        const { events, url, hub } = await start(parts(guard(canActivate)));
        const refused = await answer(events, {
          headers: { accept: 'text/event-stream' },
        });
        expectRefused(refused, expected, hub);
        expect((await answer(`${url}/plain`)).body).toEqual(refused.body);
      },
    );

    it('that says true, sooner or later, lets the stream start', async () => {
      for (const says of [
        () => true,
        async () => true,
        () => of(true),
      ] as CanActivate['canActivate'][]) {
        const { app } = await start(parts(guard(says)));
        const client = await SseTestClient.connect(app, '/events');
        expect((await client.next()).data).toBe('secret');
      }
    });
  });

  it('gives the connection its user', async () => {
    const { app, hub } = await start({
      controllers: [
        controller(
          guard((context) => {
            const request = context
              .switchToHttp()
              .getRequest<{ user: unknown }>();
            request.user = { id: 'ann' };
            return true;
          }),
        ),
      ],
    });
    const client = await SseTestClient.connect(app, '/events');
    await client.next();
    expect(hub.connections().map(({ user }) => user)).toEqual([{ id: 'ann' }]);
  });

  it('is asked again on every reconnect', async () => {
    let allowed = true;
    const { app, hub } = await start({
      controllers: [controller(guard(() => allowed))],
    });
    const client = await SseTestClient.connect(app, '/events');
    await client.next();
    await client.dropConnection();
    allowed = false;
    await hub.publish('news', { data: 'missed' });
    await client.reconnect();
    await client.untilClosed();
    expect(client.status).toBe(403);
    expect(client.text).not.toContain('missed');
  });

  it('stands behind one that has said no', async () => {
    let asked = 0;
    const { events, hub } = await start({
      controllers: [
        controller(
          guard(() => false),
          guard(() => {
            asked++;
            return true;
          }),
        ),
      ],
    });
    expectRefused(await answer(events), forbidden, hub);
    expect(asked).toBe(0);
  });

  describe('that hangs', () => {
    let entered: number;
    let open!: (verdict: boolean) => void;
    let verdict: Promise<boolean>;

    beforeEach(() => {
      entered = 0;
      verdict = new Promise((resolve) => (open = resolve));
    });

    const startHanging = () =>
      start({
        controllers: [
          controller(
            guard((context: ExecutionContext) => {
              entered++;
              const { url } = context
                .switchToHttp()
                .getRequest<{ url: string }>();
              return url.includes('go') ? true : verdict;
            }),
          ),
        ],
      });

    it('costs nothing of ours: no connection, no call, no byte', async () => {
      const { app, hub, port } = await startHanging();
      const clients = await Promise.all(
        Array.from({ length: 10 }, () => WireClient.get(port, '/events')),
      );
      await eventually(() => entered === 10);
      expect(hub.connections()).toEqual([]);
      expect(handlerCalls).toBe(0);
      const other = await SseTestClient.connect(app, '/events?go');
      expect((await other.next()).data).toBe('secret');
      expect(clients.map(({ received }) => received)).toEqual(
        clients.map(() => 0),
      );
      open(true);
      await Promise.all(clients.map((client) => client.untilTail('secret')));
      expect(hub.connections()).toHaveLength(11);
    });

    it.each([true, false])(
      'leaves nothing behind when the client leaves, whatever it says then (%s)',
      async (late) => {
        const { app, hub, port } = await startHanging();
        let sockets = 0;
        const server = app.getHttpServer();
        server.on('request', (request: any) => {
          sockets++;
          request.socket.once('close', () => sockets--);
        });
        const client = await WireClient.get(port, '/events');
        await eventually(() => entered === 1 && sockets === 1);
        client.socket.destroy();
        await eventually(() => sockets === 0);
        open(late);
        await verdict;
        const other = await SseTestClient.connect(app, '/events?go');
        expect((await other.next()).data).toBe('secret');
        expect(handlerCalls).toBe(1);
        expect(hub.connections()).toHaveLength(1);
        expect(client.received).toBe(0);
      },
    );

    it('on a pipelined connection holds back only who is behind it', async () => {
      const { port, hub } = await startHanging();
      const client = await WireClient.connect(port);
      client.send('GET', '/plain');
      await eventually(() => entered === 1);
      client.send('GET', '/events?go');
      await eventually(() => handlerCalls === 1);
      expect(client.received).toBe(0);
      open(false);
      await client.untilTail('secret');
      const [first, second] = readResponses(client.bytes);
      expect(first!.status).toBe(403);
      expect(second!.status).toBe(200);
      expect(hub.connections()).toHaveLength(1);
    });
  });

  describe('of Passport', () => {
    @Injectable()
    class BearerStrategy extends PassportStrategy(Strategy) {
      async validate(token: string): Promise<object | false> {
        if (token === 'broken') {
          throw new Error('The store of tokens is away');
        }
        return token.startsWith('token-of-') && { id: token.slice(9) };
      }
    }

    const startPassport = () =>
      start({
        imports: [PassportModule],
        controllers: [controller(AuthGuard('bearer'))],
        providers: [BearerStrategy],
      });

    const unauthorized = {
      status: 401,
      body: { statusCode: 401, message: 'Unauthorized' },
    };

    it('lets a token in, by header or query, and tells whose it is', async () => {
      const { app, hub } = await startPassport();
      const ann = await SseTestClient.connect(app, '/events', {
        headers: { authorization: 'Bearer token-of-ann' },
      });
      const bob = await SseTestClient.connect(
        app,
        '/events?access_token=token-of-bob',
      );
      await ann.next();
      await bob.next();
      await hub.publish('news', { data: 'for ann', users: ['ann'] });
      await hub.publish('news', { data: 'for bob', users: ['bob'] });
      expect((await ann.next()).data).toBe('for ann');
      expect((await bob.next()).data).toBe('for bob');
      expect(hub.connections().map(({ user }) => user)).toEqual([
        { id: 'ann' },
        { id: 'bob' },
      ]);
    });

    it.each<[name: string, headers: Record<string, string>]>([
      ['no token', {}],
      ['a false one', { authorization: 'Bearer made-up' }],
      ['another scheme', { authorization: 'Basic YW5uOmFubg==' }],
      ['nothing behind the scheme', { authorization: 'Bearer' }],
    ])('answers 401 to %s', async (_name, headers) => {
      const { events, hub } = await startPassport();
      expectRefused(await answer(events, { headers }), unauthorized, hub);
    });

    it('answers 500 when its strategy fails', async () => {
      const { events, hub } = await startPassport();
      expectRefused(await answer(`${events}?access_token=broken`), failed, hub);
    });
  });
});
