/** The code that docs/security.md gives to apps, run. */
import {
  Controller,
  ForbiddenException,
  HttpCode,
  Injectable,
  Post,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { jest } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { randomBytes } from 'node:crypto';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { pinoHttp } from 'pino-http';
import { answer } from '../support/answer.js';
import { eventually } from '../support/eventually.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { WireClient, destroyWireClients } from '../support/wire-client.js';

afterEach(async () => {
  await closeSseTestClients();
  destroyWireClients();
  await closeApps();
});

const SAFE = ['GET', 'HEAD', 'OPTIONS'];

@Injectable()
class SameOriginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest();
    const from = headers['sec-fetch-site'];
    if (SAFE.includes(method) || from === 'same-origin') {
      return true;
    }
    if (from === undefined && (!headers.origin || isOwn(headers))) {
      return true;
    }
    throw new ForbiddenException('Not from this origin');
  }
}

function isOwn({ origin, host }: { origin: string; host: string }): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

const VALID_FOR = 30_000;

interface User {
  readonly id: string;
}

@Injectable()
class Tickets {
  private readonly open = new Map<string, { user: User; until: number }>();

  issue(user: User): string {
    this.forgetOld();
    const ticket = randomBytes(32).toString('base64url');
    this.open.set(ticket, { user, until: Date.now() + VALID_FOR });
    return ticket;
  }

  take(ticket: string): User | undefined {
    this.forgetOld();
    const user = this.open.get(ticket)?.user;
    this.open.delete(ticket);
    return user;
  }

  takeAll(userId: string): void {
    for (const [ticket, { user }] of this.open) {
      if (user.id === userId) {
        this.open.delete(ticket);
      }
    }
  }

  private forgetOld(): void {
    for (const [ticket, { until }] of this.open) {
      if (until > Date.now()) {
        return;
      }
      this.open.delete(ticket);
    }
  }
}

@Injectable()
class TicketGuard implements CanActivate {
  constructor(private readonly tickets: Tickets) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest();
    request.user = this.tickets.take(String(request.query.ticket));
    if (request.user === undefined) {
      throw new UnauthorizedException();
    }
    return true;
  }
}

@Injectable()
class AccessTokens {
  readonly revoked = new Set<string>();

  async revoke(userId: string): Promise<void> {
    this.revoked.add(userId);
    await Promise.resolve();
  }
}

/** Takes the request's word for who sends it, until that is revoked. */
@Injectable()
class AccessTokenGuard implements CanActivate {
  constructor(private readonly tokens: AccessTokens) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest();
    const id = request.headers['x-user'] as string;
    request.user = { id };
    return !this.tokens.revoked.has(id);
  }
}

@Controller('events')
class EventsController {
  constructor(
    private readonly hub: EventHub,
    private readonly tickets: Tickets,
  ) {}

  @Post('ticket')
  @UseGuards(AccessTokenGuard)
  ticket(@Req() request: { user: User }) {
    return { ticket: this.tickets.issue(request.user) };
  }

  @Sse()
  @UseGuards(TicketGuard)
  events(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['news'], for: connection });
  }
}

@Controller()
class SignOutController {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly tickets: Tickets,
    private readonly hub: EventHub,
  ) {}

  @Post('sign-out')
  @HttpCode(204)
  @UseGuards(AccessTokenGuard)
  async signOut(@Req() { user }: { user: User }) {
    await this.tokens.revoke(user.id);
    this.tickets.takeAll(user.id);
    await this.hub.disconnect({ user: user.id }, 'signed-out');
  }
}

@Controller()
class PublishController {
  published = 0;

  constructor(private readonly hub: EventHub) {}

  @Post('news')
  @HttpCode(204)
  async publish() {
    this.published++;
    await this.hub.publish('news', { data: 'published' });
  }

  @Sse('open')
  open(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['news'], for: connection });
  }
}

async function ticketOf(url: string, user = 'ann'): Promise<string> {
  const { body } = await answer(`${url}/events/ticket`, {
    method: 'POST',
    headers: { 'x-user': user },
  });
  return body.ticket as string;
}

describe.each(platforms)('On %s, the recipe of', (_, adapter) => {
  describe('a guard for routes that publish', () => {
    const start = () =>
      startApp(adapter, {
        controllers: [PublishController],
        providers: [{ provide: APP_GUARD, useClass: SameOriginGuard }],
      });

    /** Sends what a browser of any age, or another client, would send. */
    async function post(headers: Record<string, string>): Promise<string> {
      const { app, port } = await start();
      const client = await WireClient.get(port, '/open', {
        'sec-fetch-site': 'cross-site',
      });
      await client.untilTail('hub.checkpoint');
      const poster = await WireClient.connect(port);
      poster.send('POST', '/news', {
        Host: 'app.example',
        'content-length': '0',
        ...headers,
      });
      await poster.untilTail('\r\n\r\n');
      const status = poster.tail.split(' ')[1]!;
      expect(app.get(PublishController).published).toBe(
        status === '204' ? 1 : 0,
      );
      return status;
    }

    it.each<Record<string, string>>([
      { 'sec-fetch-site': 'same-origin', origin: 'https://app.example' },
      { origin: 'https://app.example' },
      {},
    ])('lets %p publish', async (headers) => {
      expect(await post(headers)).toBe('204');
    });

    it.each<Record<string, string>>([
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      { 'sec-fetch-site': 'same-site', origin: 'https://x.app.example' },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'cross-site', origin: 'https://app.example' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ])('does not let %p publish', async (headers) => {
      expect(await post(headers)).toBe('403');
    });
  });

  describe('tickets', () => {
    const start = () =>
      startApp(adapter, {
        controllers: [EventsController, SignOutController],
        providers: [Tickets, AccessTokens],
      });

    afterEach(() => {
      jest.restoreAllMocks();
    });

    it('opens one stream, of whom it was given to', async () => {
      const { app, url, hub } = await start();
      const ticket = await ticketOf(url);
      const client = await SseTestClient.connect(
        app,
        `/events?ticket=${ticket}`,
      );
      await client.next('hub.checkpoint');
      await hub.publish('news', { data: 'for bob', users: ['bob'] });
      await hub.publish('news', { data: 'for ann', users: ['ann'] });
      expect((await client.next()).data).toBe('for ann');
      const second = await answer(`${url}/events?ticket=${ticket}`);
      expect(second.status).toBe(401);
    });

    it('goes on with another one, from a cursor in the address', async () => {
      const { app, url, hub } = await start();
      const first = await SseTestClient.connect(
        app,
        `/events?ticket=${await ticketOf(url)}`,
      );
      await first.next('hub.checkpoint');
      await first.dropConnection();
      await hub.publish('news', { data: 'missed' });
      const ticket = await ticketOf(url);
      const again = await SseTestClient.connect(
        app,
        `/events?ticket=${ticket}&lastEventId=${first.lastEventId}`,
      );
      expect((await again.next()).data).toBe('missed');
    });

    it.each(['', '?ticket=', '?ticket=made-up', '?ticket=a&ticket=b'])(
      'refuses %p',
      async (query) => {
        const { url } = await start();
        await ticketOf(url);
        expect((await answer(`${url}/events${query}`)).status).toBe(401);
      },
    );

    it('is taken away at sign-out, and the stream with it, of this user alone', async () => {
      const { app, url, hub } = await start();
      const open = await SseTestClient.connect(
        app,
        `/events?ticket=${await ticketOf(url)}`,
      );
      const ofAnn = [await ticketOf(url), await ticketOf(url)];
      const ofBob = await ticketOf(url, 'bob');
      const signOut = { method: 'POST', headers: { 'x-user': 'ann' } };
      expect((await answer(`${url}/sign-out`, signOut)).status).toBe(204);
      expect((await open.next('hub.closed')).text).toContain('signed-out');
      for (const ticket of ofAnn) {
        const { status } = await answer(`${url}/events?ticket=${ticket}`);
        expect(status).toBe(401);
      }
      expect((await answer(`${url}/events/ticket`, signOut)).status).toBe(403);
      const bob = await SseTestClient.connect(app, `/events?ticket=${ofBob}`);
      expect(bob.status).toBe(200);
      expect(hub.connections().map(({ user }) => user.id)).toEqual(['bob']);
    });

    it('refuses one that is too old', async () => {
      const { url } = await start();
      const ticket = await ticketOf(url);
      const later = Date.now() + VALID_FOR;
      jest.spyOn(Date, 'now').mockReturnValue(later);
      const { status } = await answer(`${url}/events?ticket=${ticket}`);
      expect(status).toBe(401);
    });
  });
});

it('On Express, the recipe of pino-http logs a stream without what lets others in', async () => {
  const lines: string[] = [];
  const [, express] = platforms[0]!;
  const { app, url } = await startApp(express, {
    controllers: [EventsController],
    providers: [Tickets, AccessTokens],
    configure: (app: NestExpressApplication) => {
      app.use(
        pinoHttp(
          {
            redact: [
              'req.headers.cookie',
              'req.headers.authorization',
              'res.headers["set-cookie"]',
            ],
            serializers: {
              req: (request) => ({
                ...request,
                url: request.url.split('?')[0],
                query: undefined,
              }),
            },
          },
          { write: (line: string) => void lines.push(line) },
        ),
      );
      app.use((_request: unknown, response: any, next: () => void) => {
        response.setHeader('set-cookie', 'sid=fresh-secret');
        next();
      });
    },
  });
  const ticket = await ticketOf(url);
  const client = await SseTestClient.connect(
    app,
    `/events?ticket=${ticket}&lastEventId=some-cursor`,
    { headers: { cookie: 'sid=old-secret', authorization: 'Bearer my-token' } },
  );
  expect(client.status).toBe(200);
  await client.dropConnection();
  await eventually(() => lines.length === 2);
  const log = lines.join('');
  expect(log).toContain('"url":"/events"');
  for (const secret of [
    ticket,
    'some-cursor',
    'old-secret',
    'fresh-secret',
    'my-token',
  ]) {
    expect(log).not.toContain(secret);
  }
});
