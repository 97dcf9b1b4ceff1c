import fastifyCookie from '@fastify/cookie';
import fastifyHelmet from '@fastify/helmet';
import {
  Body,
  Controller,
  Get,
  Injectable,
  Module,
  Post,
  RequestMethod,
  UseGuards,
} from '@nestjs/common';
import type {
  CanActivate,
  ExecutionContext,
  INestApplication,
  MiddlewareConsumer,
  NestMiddleware,
  NestModule,
} from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import cookieParser from 'cookie-parser';
import type { Request, Response } from 'express';
import session from 'express-session';
import type { FastifyReply, FastifyRequest } from 'fastify';
import helmet from 'helmet';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { pinoHttp } from 'pino-http';
import { NEVER, defer, finalize, of, startWith } from 'rxjs';
import { answer } from './support/answer.js';
import { eventually } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';
import type { RunningApp } from './support/running-app.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

const [, express] = platforms[0]!;
const [, fastify] = platforms[1]!;

@Controller()
class EventsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['news'], for: connection });
  }

  @Sse('short')
  short() {
    return of('the end');
  }

  @Sse('posted', { method: RequestMethod.POST })
  posted(@Body() body: { name: string }) {
    return NEVER.pipe(startWith(`hello ${body.name}`));
  }

  @Get('large')
  large() {
    return 'large '.repeat(10_000);
  }

  @Post('echo')
  echo(@Body() body: unknown) {
    return body;
  }
}

/** The stream works: an event arrives as soon as it is published, as text. */
async function expectStream(
  { app, hub }: RunningApp,
  headers: Record<string, string> = {},
) {
  const client = await SseTestClient.connect(app, '/events', { headers });
  expect(client.status).toBe(200);
  expect(client.headers['content-type']).toBe('text/event-stream');
  await client.next('hub.checkpoint');
  await hub.publish('news', { type: 'headline', data: { text: 'rain' } });
  expect(await client.next()).toMatchObject({
    type: 'headline',
    data: { text: 'rain' },
  });
  return client;
}

const cookiesOf = ({ headers }: Pick<IncomingMessage, 'headers'>): string[] =>
  headers['set-cookie'] ?? [];

describe('On Express, an @Sse() route behind', () => {
  function start(...middleware: unknown[]) {
    return startApp(express, {
      controllers: [EventsController],
      configure: (app: NestExpressApplication) => {
        for (const handler of middleware) {
          app.use(handler as () => void);
        }
      },
    });
  }

  it('helmet has its headers', async () => {
    const client = await expectStream(await start(helmet()));
    expect(client.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining(
        "default-src 'self'",
      ) as string,
      'cache-control': 'no-cache, no-store, no-transform',
    });
    expect(client.headers['x-powered-by']).toBeUndefined();
  });

  it('cookie-parser reads cookies, and one that a guard sets reaches the client', async () => {
    const seen: unknown[] = [];

    @Injectable()
    class CookieGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const request = context.switchToHttp().getRequest<Request>();
        seen.push(request.cookies, request.signedCookies);
        const response = context.switchToHttp().getResponse<Response>();
        response.cookie('visited', 'yes', { httpOnly: true });
        response.cookie('seen', '1', { signed: true });
        return true;
      }
    }

    @UseGuards(CookieGuard)
    @Controller('cookies')
    class CookieController {
      @Sse()
      events() {
        return NEVER;
      }
    }

    const { app } = await startApp(express, {
      controllers: [CookieController],
      configure: (app: NestExpressApplication) =>
        app.use(cookieParser('secret')),
    });
    const first = await SseTestClient.connect(app, '/cookies', {
      headers: { cookie: 'theme=dark' },
    });
    const cookies = cookiesOf(first);
    expect(cookies).toHaveLength(2);
    expect(cookies[0]).toBe('visited=yes; Path=/; HttpOnly');
    expect(cookies[1]).toMatch(/^seen=s%3A1\./);
    const cookie = cookies.map((line) => line.split(';')[0]).join('; ');
    await SseTestClient.connect(app, '/cookies', { headers: { cookie } });
    expect(seen).toEqual([
      { theme: 'dark' },
      {},
      { visited: 'yes' },
      { seen: '1' },
    ]);
  });

  describe('express-session', () => {
    type SessionRequest = Request & {
      session: session.Session & { visits?: number };
    };

    @Injectable()
    class VisitGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const { session } = context.switchToHttp().getRequest<SessionRequest>();
        session.visits = (session.visits ?? 0) + 1;
        return true;
      }
    }

    @Controller('session')
    @UseGuards(VisitGuard)
    class SessionController {
      @Sse('open')
      open(@Connection() connection: SseConnection) {
        return NEVER.pipe(startWith({ data: connection.id }));
      }

      @Sse('short')
      short() {
        return of('the end');
      }
    }

    async function startWithSession() {
      const store = new session.MemoryStore();
      const running = await startApp(express, {
        controllers: [SessionController],
        configure: (app: NestExpressApplication) =>
          app.use(
            session({
              secret: 's',
              resave: false,
              saveUninitialized: false,
              store,
            }),
          ),
      });
      /** Waits until the store has one session with so many visits; it answers a turn later. */
      const visitsAre = async (wanted: number) => {
        let saved: number | undefined;
        await eventually(() => {
          store.all!((_error, sessions) => {
            saved = Object.values(
              sessions as Record<string, { visits?: number }>,
            )[0]?.visits;
          });
          return saved === wanted;
        });
      };
      return { ...running, visitsAre };
    }

    it('sets the cookie of a new session', async () => {
      const { app } = await startWithSession();
      const client = await SseTestClient.connect(app, '/session/open');
      await client.next();
      expect(cookiesOf(client)[0]).toMatch(/^connect\.sid=s%3A/);
    });

    it('saves what a guard put on the session when the stream has completed, and knows the client again', async () => {
      const { app, visitsAre } = await startWithSession();
      const first = await SseTestClient.connect(app, '/session/short');
      expect((await first.untilClosed()).clean).toBe(true);
      await visitsAre(1);
      const cookie = cookiesOf(first)[0]!.split(';')[0]!;
      const again = await SseTestClient.connect(app, '/session/short', {
        headers: { cookie },
      });
      expect((await again.untilClosed()).clean).toBe(true);
      await visitsAre(2);
    });

    it('saves what a guard put on the session when the client leaves', async () => {
      const { app, visitsAre } = await startWithSession();
      const client = await SseTestClient.connect(app, '/session/open');
      await client.next();
      await client.dropConnection();
      await visitsAre(1);
    });
  });

  it('pino-http is logged, with its status, when it ends', async () => {
    const lines: {
      msg: string;
      req: { url: string };
      res: { statusCode: number };
    }[] = [];
    const stream = {
      write: (line: string) => void lines.push(JSON.parse(line)),
    };
    const { app } = await start(pinoHttp({}, stream));
    const short = await SseTestClient.connect(app, '/short');
    await short.untilClosed();
    await eventually(() => lines.length === 1);
    expect(lines[0]).toMatchObject({
      msg: 'request completed',
      req: { url: '/short' },
      res: {
        statusCode: 200,
        headers: { 'content-type': 'text/event-stream' },
      },
    });

    const open = await SseTestClient.connect(app, '/events');
    await open.next('hub.checkpoint');
    await open.dropConnection();
    await eventually(() => lines.length === 2);
    expect(lines[1]).toMatchObject({
      req: { url: '/events' },
      res: { statusCode: 200 },
    });
  });

  it('compression is not compressed or held back; other routes are compressed', async () => {
    const running = await start(compression({ threshold: 0 }));
    const client = await expectStream(running, {
      'accept-encoding': 'gzip, br',
    });
    expect(client.headers['content-encoding']).toBeUndefined();
    const large = await answer(`${running.url}/large`, {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(large.headers.get('content-encoding')).toBe('gzip');
    const short = await SseTestClient.connect(running.app, '/short', {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect((await short.next()).data).toBe('the end');
    expect((await short.untilClosed()).clean).toBe(true);
  });

  it('all of them works, and resumes', async () => {
    const running = await start(
      pinoHttp({}, { write: () => undefined }),
      helmet(),
      compression({ threshold: 0 }),
      cookieParser(),
      session({ secret: 's', resave: false, saveUninitialized: true }),
    );
    const client = await expectStream(running, { 'accept-encoding': 'gzip' });
    await client.dropConnection();
    await running.hub.publish('news', { data: 'missed' });
    await client.reconnect();
    expect((await client.next()).data).toBe('missed');
    await running.app.close();
    expect((await client.untilClosed()).clean).toBe(true);
  });

  it('middleware that wraps write() and end() gets every byte through them', async () => {
    let written = '';
    let ended = 0;
    const { app, hub } = await start(
      (_request: Request, response: Response, next: () => void) => {
        const write = response.write.bind(response);
        const end = response.end.bind(response);
        response.write = (chunk: Buffer) => {
          written += chunk.toString();
          return write(chunk);
        };
        response.end = () => {
          ended++;
          return end();
        };
        next();
      },
    );
    const client = await SseTestClient.connect(app, '/events');
    await hub.publish('news', { data: 'through' });
    await client.next();
    hub.connections()[0]!.close();
    expect((await client.untilClosed()).clean).toBe(true);
    expect(written).toBe(client.text);
    expect(ended).toBe(1);
  });

  it('middleware that reads the body leaves it to the handler', async () => {
    const { url } = await start(cookieParser());
    const abort = new AbortController();
    const response = await fetch(`${url}/posted`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"Ann"}',
      signal: abort.signal,
    });
    const reader = response
      .body!.pipeThrough(new TextDecoderStream())
      .getReader();
    let text = '';
    while (!text.includes('data: hello Ann\n\n')) {
      text += (await reader.read()).value;
    }
    abort.abort();
    await expect(reader.read()).rejects.toThrow();
  });
});

describe('On Fastify, an @Sse() route behind', () => {
  function start(configure: (app: NestFastifyApplication) => unknown) {
    return startApp(fastify, { controllers: [EventsController], configure });
  }

  it('@fastify/helmet has its headers', async () => {
    const client = await expectStream(
      await start((app) => app.register(fastifyHelmet)),
    );
    expect(client.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining(
        "default-src 'self'",
      ) as string,
      'cache-control': 'no-cache, no-store, no-transform',
    });
  });

  it('@fastify/cookie reads cookies, and one that a guard sets reaches the client', async () => {
    const seen: unknown[] = [];

    @Injectable()
    class CookieGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        seen.push(context.switchToHttp().getRequest<FastifyRequest>().cookies);
        const reply = context.switchToHttp().getResponse<FastifyReply>();
        reply.setCookie('visited', 'yes', { httpOnly: true, path: '/' });
        reply.setCookie('second', '2', { path: '/' });
        return true;
      }
    }

    @UseGuards(CookieGuard)
    @Controller('cookies')
    class CookieController {
      constructor(private readonly hub: EventHub) {}

      @Sse('hub')
      fromHub(@Connection() connection: SseConnection) {
        return this.hub.stream({ topics: ['news'], for: connection });
      }

      @Sse('plain')
      plain() {
        return NEVER;
      }
    }

    const { app } = await startApp(fastify, {
      controllers: [CookieController],
      configure: (app: NestFastifyApplication) => app.register(fastifyCookie),
    });
    for (const path of ['hub', 'plain']) {
      const client = await SseTestClient.connect(app, `/cookies/${path}`, {
        headers: { cookie: 'theme=dark' },
      });
      expect(cookiesOf(client)).toEqual([
        'visited=yes; Path=/; HttpOnly; SameSite=Lax',
        'second=2; Path=/; SameSite=Lax',
      ]);
    }
    expect(seen).toEqual([{ theme: 'dark' }, { theme: 'dark' }]);
  });

  it('hooks runs them: onSend before the head, onResponse at the end, onRequestAbort when the client leaves', async () => {
    const calls: string[] = [];
    const running = await start((app) => {
      const instance = app.getHttpAdapter().getInstance();
      instance.addHook('onRequest', (_request, reply, done) => {
        calls.push('onRequest');
        void reply.header('x-on-request', '1');
        done();
      });
      instance.addHook('onSend', (_request, reply, payload, done) => {
        calls.push('onSend');
        void reply.header('x-on-send', '1');
        done(null, payload);
      });
      instance.addHook('onResponse', (_request, reply, done) => {
        calls.push(`onResponse ${reply.statusCode}`);
        done();
      });
      instance.addHook('onRequestAbort', (_request, done) => {
        calls.push('onRequestAbort');
        done();
      });
      instance.addHook('onError', (_request, _reply, _error, done) => {
        calls.push('onError');
        done();
      });
    });
    const client = await SseTestClient.connect(running.app, '/short');
    expect((await client.untilClosed()).clean).toBe(true);
    expect(client.headers).toMatchObject({
      'x-on-request': '1',
      'x-on-send': '1',
    });
    await eventually(() => calls.length === 3);
    expect(calls).toEqual(['onRequest', 'onSend', 'onResponse 200']);

    calls.length = 0;
    const left = await expectStream(running);
    expect(calls).toEqual(['onRequest', 'onSend']);
    await left.dropConnection();
    await eventually(() => calls.length === 3);
    expect(calls[2]).toBe('onRequestAbort');
  });

  it('a hook that takes its time holds the head back, and what it sets is on it', async () => {
    const running = await start((app) =>
      app
        .getHttpAdapter()
        .getInstance()
        .addHook('onSend', async (_request, reply) => {
          await new Promise((resolve) => setImmediate(resolve));
          reply.header('x-session', 'saved');
        }),
    );
    const client = await expectStream(running);
    expect(client.headers['x-session']).toBe('saved');
  });

  it.each(['at once', 'later'])(
    'a hook that fails %s answers with its error, and leaves nothing open',
    async (when) => {
      let subscribed = 0;

      @Controller()
      class TrackedController {
        @Sse('tracked')
        tracked() {
          return defer(() => {
            subscribed++;
            return NEVER.pipe(finalize(() => subscribed--));
          });
        }
      }

      const errors = [
        Object.assign(new Error('no store'), { statusCode: 503 }),
      ];
      const { url, hub } = await startApp(fastify, {
        controllers: [TrackedController],
        configure: (app: NestFastifyApplication) =>
          app
            .getHttpAdapter()
            .getInstance()
            .addHook('onSend', (_request, _reply, payload, done) => {
              const error = errors.pop();
              if (error === undefined) {
                done(null, payload);
              } else if (when === 'at once') {
                done(error);
              } else {
                setImmediate(() => done(error));
              }
            }),
      });
      const { status, headers } = await answer(`${url}/tracked`);
      expect(status).toBe(500);
      expect(headers.get('content-type')).toMatch(/^application\/json/);
      await eventually(() => subscribed === 0);
      expect(hub.connections()).toEqual([]);
    },
  );
});

describe.each(platforms)('On %s', (_, adapter) => {
  it('Nest middleware runs before an @Sse() route, and its headers reach the stream', async () => {
    const seen: string[] = [];

    @Injectable()
    class NoteMiddleware implements NestMiddleware {
      use(
        request: IncomingMessage,
        response: ServerResponse,
        next: () => void,
      ): void {
        seen.push(request.method!);
        response.setHeader('X-Note', 'noted');
        next();
      }
    }

    @Module({ controllers: [EventsController] })
    class EventsModule implements NestModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(NoteMiddleware).forRoutes(EventsController);
      }
    }

    const running = await startApp(adapter, { imports: [EventsModule] });
    const client = await expectStream(running);
    expect(client.headers['x-note']).toBe('noted');
    expect(seen).toEqual(['GET']);
  });

  it('Express middleware given to app.use() keeps its headers and cookies', async () => {
    const running = await startApp(adapter, {
      controllers: [EventsController],
      configure: (app: INestApplication) => {
        app.use(helmet());
        app.use(
          (
            _request: IncomingMessage,
            response: ServerResponse,
            next: () => void,
          ) => {
            response.setHeader('Set-Cookie', ['a=1', 'b=2']);
            next();
          },
        );
      },
    });
    const client = await expectStream(running);
    expect(client.headers['x-content-type-options']).toBe('nosniff');
    expect(cookiesOf(client)).toEqual(['a=1', 'b=2']);
  });
});
