import {
  Controller,
  HttpCode,
  Injectable,
  Post,
  Query,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import session from 'express-session';
import { randomUUID } from 'node:crypto';
import {
  Connection,
  EventHub,
  Sse,
  SseConnection,
  topic,
} from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { eventually } from '../support/eventually.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

const [, express] = platforms[0]!;

declare module 'express-session' {
  interface SessionData {
    userId: string;
    /** Names the session's streams. */
    handle: string;
    visits: number;
    cart: string;
  }
}

interface User {
  readonly id: string;
  readonly session: string;
}

/** As in docs/security.md. */
function leaveSession(
  request: Request,
  response: Response,
  next: NextFunction,
): void {
  const end = response.end.bind(response);
  response.end = ((...args: Parameters<typeof end>) => {
    if (response.getHeader('content-type') === 'text/event-stream') {
      Object.assign(request, { session: undefined, sessionID: undefined });
    }
    return end(...args);
  }) as typeof end;
  next();
}

/** Some stores know no better way to keep a session alive. */
class WritesAtTouch extends session.MemoryStore {
  override touch(id: string, data: session.SessionData, done?: () => void) {
    this.set(id, data, done);
  }
}

/** A store that can go away: then it takes a question and never answers. */
class LeavingStore extends session.MemoryStore {
  isAway = false;
  asked = 0;

  override set(id: string, data: session.SessionData, done?: () => void) {
    if (this.isAway) {
      this.asked++;
    } else {
      super.set(id, data, done);
    }
  }

  override touch(id: string, data: session.SessionData, done?: () => void) {
    this.set(id, data, done);
  }
}

/** Whether the guard of a stream writes to the session, as counters and CSRF tokens do. */
let guardWrites: boolean;

beforeEach(() => {
  guardWrites = false;
});

@Injectable()
class SignedIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const { userId, handle } = request.session;
    if (userId === undefined) {
      throw new UnauthorizedException();
    }
    Object.assign(request, { user: { id: userId, session: handle } });
    if (guardWrites) {
      request.session.visits = (request.session.visits ?? 0) + 1;
    }
    return true;
  }
}

@Controller()
class AccountController {
  constructor(private readonly hub: EventHub) {}

  @Post('sign-in')
  @HttpCode(204)
  signIn(@Req() { session }: Request, @Query('user') user: string) {
    session.userId = user;
    session.handle = randomUUID();
  }

  @Post('sign-out')
  @HttpCode(204)
  @UseGuards(SignedIn)
  async signOut(@Req() request: Request, @Query('everywhere') everywhere = '') {
    const { userId, handle } = request.session;
    await new Promise((done) => request.session.destroy(done));
    await this.hub.disconnect(
      everywhere ? { user: userId! } : { topic: topic('sessions', handle!) },
      'signed-out',
    );
  }

  @Post('cart')
  @HttpCode(204)
  @UseGuards(SignedIn)
  putIntoCart(@Req() { session }: Request, @Query('what') what: string) {
    session.cart = what;
  }

  @Sse('events')
  @UseGuards(SignedIn)
  events(@Connection() connection: SseConnection<User>) {
    return this.hub.stream({
      topics: ['news', topic('sessions', connection.user.session)],
      for: connection,
    });
  }
}

async function start(
  options: Partial<session.SessionOptions>,
  withRecipe: boolean,
) {
  const store = options.store ?? new session.MemoryStore();
  const running = await startApp(express, {
    controllers: [AccountController],
    configure: (app: NestExpressApplication) => {
      app.use(
        session({
          secret: 's',
          resave: false,
          saveUninitialized: false,
          ...options,
          store,
        }),
      );
      if (withRecipe) {
        app.use(leaveSession);
      }
    },
  });
  const { app, url, hub } = running;

  /** A browser that is signed in. */
  async function signIn(user = 'ann') {
    const response = await fetch(`${url}/sign-in?user=${user}`, {
      method: 'POST',
    });
    const cookie = response.headers.getSetCookie()[0]!.split(';')[0]!;
    const headers = { cookie };
    return {
      post: async (path: string) => {
        const { status } = await fetch(`${url}/${path}`, {
          method: 'POST',
          headers,
        });
        expect(status).toBe(204);
      },
      listen: async () => {
        const client = await SseTestClient.connect(app, '/events', { headers });
        expect(client.status).toBe(200);
        await client.next('hub.checkpoint');
        return client;
      },
      status: async () => {
        const client = await SseTestClient.connect(app, '/events', { headers });
        await client.dropConnection();
        return client.status;
      },
    };
  }

  return {
    ...running,
    signIn,
    sessions: () =>
      new Promise<session.SessionData[]>((resolve, reject) =>
        store.all!((error, sessions) =>
          error
            ? reject(error as Error)
            : resolve(Object.values(sessions as session.SessionData[])),
        ),
      ),
    destroySessions: () => new Promise((done) => store.clear!(done)),
    allGone: () => eventually(() => hub.connections().length === 0),
  };
}

interface Variant {
  readonly options: () => Partial<session.SessionOptions>;
  readonly guardWrites?: boolean;
  /** What express-session does by itself when a stream ends after its session. */
  readonly alone: 'comes back' | 'stays away';
}

const variants: [name: string, variant: Variant][] = [
  ['the guard only reads', { options: () => ({}), alone: 'stays away' }],
  ['rolling', { options: () => ({ rolling: true }), alone: 'stays away' }],
  [
    'saveUninitialized',
    { options: () => ({ saveUninitialized: true }), alone: 'stays away' },
  ],
  [
    'unset: destroy',
    { options: () => ({ unset: 'destroy' }), alone: 'stays away' },
  ],
  [
    'resave, the default',
    { options: () => ({ resave: true }), alone: 'comes back' },
  ],
  [
    'resave and rolling',
    { options: () => ({ resave: true, rolling: true }), alone: 'comes back' },
  ],
  [
    'the guard writes',
    { options: () => ({}), guardWrites: true, alone: 'comes back' },
  ],
  [
    'the store writes at touch',
    {
      options: () => ({ store: new WritesAtTouch() }),
      alone: 'comes back',
    },
  ],
];

describe('A session of express-session whose stream is open', () => {
  describe.each(variants)('after the sign-out, with: %s', (_name, variant) => {
    /** Signs out, with a stream open that ends by it. */
    async function signOutOf(app: Awaited<ReturnType<typeof start>>) {
      const ann = await app.signIn();
      guardWrites = variant.guardWrites ?? false;
      const client = await ann.listen();
      expect(await app.sessions()).toHaveLength(1);
      await ann.post('sign-out?everywhere=1');
      expect((await client.next('hub.closed')).data).toEqual({
        reason: 'signed-out',
      });
      // express-session ends a response when the store has answered.
      expect((await client.untilClosed()).clean).toBe(true);
      return ann;
    }

    it(`${variant.alone} by itself`, async () => {
      const app = await start(variant.options(), false);
      const ann = await signOutOf(app);
      const isBack = variant.alone === 'comes back';
      expect(await app.sessions()).toHaveLength(isBack ? 1 : 0);
      expect(await ann.status()).toBe(isBack ? 200 : 401);
    });

    it('stays away behind the middleware', async () => {
      const app = await start(variant.options(), true);
      const ann = await signOutOf(app);
      expect(await app.sessions()).toEqual([]);
      expect(await ann.status()).toBe(401);
    });

    it('stays away behind the middleware when the page leaves before anybody ends its stream', async () => {
      const app = await start(variant.options(), true);
      const ann = await app.signIn();
      guardWrites = variant.guardWrites ?? false;
      const client = await ann.listen();
      await app.destroySessions();
      await client.dropConnection();
      await app.allGone();
      expect(await app.sessions()).toEqual([]);
    });

    it('stays as others have left it, when it is not signed out, behind the middleware', async () => {
      const app = await start(variant.options(), true);
      const ann = await app.signIn();
      guardWrites = variant.guardWrites ?? false;
      const client = await ann.listen();
      await ann.post('cart?what=tea');
      await client.dropConnection();
      await app.allGone();
      expect(await app.sessions()).toMatchObject([
        { userId: 'ann', cart: 'tea' },
      ]);
    });
  });

  it('by itself loses what another request wrote meanwhile, if it is saved', async () => {
    const app = await start({ resave: true }, false);
    const ann = await app.signIn();
    const client = await ann.listen();
    await ann.post('cart?what=tea');
    expect((await app.sessions())[0]!.cart).toBe('tea');
    await client.dropConnection();
    await app.allGone();
    expect((await app.sessions())[0]!.cart).toBeUndefined();
  });

  it('has its cookie renewed by the head of a stream behind the middleware', async () => {
    const { signIn } = await start({ rolling: true }, true);
    const client = await (await signIn()).listen();
    expect(client.headers['set-cookie']?.[0]).toMatch(/^connect\.sid=s%3A/);
  });

  it('does not make the end of a stream wait for a store that is away, behind the middleware', async () => {
    const store = new LeavingStore();
    const { signIn, hub } = await start({ store }, true);
    const client = await (await signIn()).listen();
    store.isAway = true;
    await hub.disconnect({ user: 'ann' });
    expect((await client.untilClosed()).clean).toBe(true);
    expect(store.asked).toBe(0);
  });

  it('is told nothing that is published after the sign-out', async () => {
    const { signIn, hub } = await start({}, true);
    const ann = await signIn();
    const client = await ann.listen();
    await hub.publish('news', { data: 'before' });
    await ann.post('sign-out');
    await hub.publish('news', { data: 'after' });
    expect((await client.untilClosed()).clean).toBe(true);
    expect(client.events.map(({ data }) => data)).toEqual(['before']);
    await client.reconnect();
    expect(client.status).toBe(401);
  });

  it('takes the streams of other sessions of the user with it only if it is meant to', async () => {
    const { signIn, hub } = await start({}, true);
    const [phone, laptop] = [await signIn(), await signIn()];
    const [onPhone, onLaptop] = [await phone.listen(), await laptop.listen()];
    await phone.post('sign-out');
    expect((await onPhone.untilClosed()).clean).toBe(true);
    await hub.publish('news', { data: 'for the laptop' });
    expect((await onLaptop.next()).data).toBe('for the laptop');
    expect(await laptop.status()).toBe(200);
    await laptop.post('sign-out?everywhere=1');
    expect((await onLaptop.untilClosed()).clean).toBe(true);
  });
});
