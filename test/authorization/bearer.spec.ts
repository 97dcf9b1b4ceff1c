import {
  Controller,
  Injectable,
  ServiceUnavailableException,
  UseGuards,
} from '@nestjs/common';
import type { CanActivate, INestApplication } from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { EventSource } from 'eventsource';
import type { ErrorEvent, FetchLike } from 'eventsource';
import { createHmac } from 'node:crypto';
import { Strategy } from 'passport-http-bearer';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import { eventually } from '../support/eventually.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import type { AppParts } from '../support/running-app.js';

/** What a JWT says, signed: a header would add nothing here. */
interface Payload {
  readonly sub: string;
  /** In seconds since 1970. */
  readonly exp: number;
}

const sign = (text: string) =>
  createHmac('sha256', 'secret').update(text).digest('base64url');

function tokenOf(payload: Payload): string {
  const text = Buffer.from(JSON.stringify(payload)).toString('base64url');
  return `${text}.${sign(text)}`;
}

const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

/** An `exp` of two or three seconds from now. */
const soon = () => Math.ceil((Date.now() + 2000) / 1000);

@Injectable()
class TokenStrategy extends PassportStrategy(Strategy) {
  validate(token: string): Payload | false {
    const [text, signature] = token.split('.');
    if (signature !== sign(text!)) {
      return false;
    }
    const payload: Payload = JSON.parse(
      Buffer.from(text!, 'base64url').toString(),
    );
    return payload.exp * 1000 > Date.now() && payload;
  }
}

/** The next so many requests find the app away. */
let outages: number;
/** The tokens that streams were asked for with, in their order. */
let tokens: (string | undefined)[];
const sources = new Set<EventSource>();

beforeEach(() => {
  outages = 0;
  tokens = [];
});

afterEach(async () => {
  sources.forEach((source) => source.close());
  sources.clear();
  await closeSseTestClients();
  await closeApps();
});

@Injectable()
class OutageGuard implements CanActivate {
  canActivate(): boolean {
    if (outages-- > 0) {
      throw new ServiceUnavailableException();
    }
    return true;
  }
}

@Controller()
@UseGuards(OutageGuard, AuthGuard('bearer'))
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection<Payload>) {
    return this.hub.stream({ topics: ['news'], for: connection });
  }
}

/** As in docs/security.md. */
class AccessToken {
  #token: string | undefined;

  /** @param refresh `undefined`: the user has to sign in */
  constructor(private readonly refresh: () => Promise<string | undefined>) {}

  readonly fetch: FetchLike = async (url, init) => {
    const send = () =>
      fetch(url, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${this.#token}` },
      });
    this.#token ??= await this.refresh();
    let response = await send();
    if (response.status === 401) {
      this.#token = await this.refresh();
      if (this.#token !== undefined) {
        await response.body?.cancel();
        response = await send();
      }
    }
    if (response.status >= 500) {
      throw new Error(`The server answered ${response.status}`);
    }
    return response;
  };

  /** The next request asks for another. */
  forget(): void {
    this.#token = undefined;
  }
}

/** A page that notes what it gets. */
function listen(url: string, token: AccessToken, onClosed = () => {}) {
  const source = new EventSource(`${url}/events`, {
    fetch: (address, init) => token.fetch(address, init),
  });
  sources.add(source);
  const page = {
    source,
    data: [] as string[],
    closed: [] as string[],
    opened: 0,
    errors: [] as (number | undefined)[],
  };
  source.onopen = () => page.opened++;
  source.onmessage = ({ data }) => page.data.push(data as string);
  source.onerror = ({ code }: ErrorEvent) => page.errors.push(code);
  source.addEventListener('hub.closed', ({ data }) => {
    const { reason } = JSON.parse(data as string) as { reason: string };
    page.closed.push(reason);
    onClosed();
  });
  return page;
}

describe.each(platforms)('A bearer token on %s', (_, adapter) => {
  const start = (parts: Partial<AppParts> = {}) =>
    startApp(adapter, {
      imports: [PassportModule],
      controllers: [StreamsController],
      providers: [TokenStrategy],
      options: { retry: 0 },
      ...parts,
      configure: (app: INestApplication) => {
        app.getHttpServer().on('request', (request: any) => {
          tokens.push(request.headers.authorization?.slice('Bearer '.length));
        });
        return parts.configure?.(app);
      },
    });

  /** Gives these tokens, one after the other. */
  const giving = (...given: (string | undefined)[]) =>
    new AccessToken(async () => given.shift());

  it('that is refused is exchanged for another, once', async () => {
    const { url, hub } = await start();
    const old = tokenOf({ sub: 'ann', exp: inAnHour() - 7200 });
    const fresh = tokenOf({ sub: 'ann', exp: inAnHour() });
    const page = listen(url, giving(old, fresh));
    await eventually(() => hub.connections().length === 1);
    await hub.publish('news', { data: 'hello', users: ['ann'] });
    await eventually(() => page.data.length === 1);
    expect(page).toMatchObject({ data: ['hello'], opened: 1, errors: [] });
    expect(tokens).toEqual([old, fresh]);
  });

  it('that expires ends the stream, which goes on with another and without loss', async () => {
    const { url, hub } = await start();
    const short = tokenOf({ sub: 'ann', exp: soon() });
    const long = tokenOf({ sub: 'ann', exp: inAnHour() });
    let reconnect!: () => void;
    const mayReconnect = new Promise<void>((resolve) => (reconnect = resolve));
    const given = [async () => short, () => mayReconnect.then(() => long)];
    const token = new AccessToken(() => given.shift()!());
    const page = listen(url, token, () => token.forget());
    await eventually(() => hub.connections().length === 1);
    await hub.publish('news', { data: 'before' });
    await eventually(
      () => page.closed.length === 1 && page.errors.length === 1,
    );
    expect(hub.connections()).toEqual([]);
    await hub.publish('news', { data: 'meanwhile' });
    reconnect();
    await eventually(() => page.data.length === 2);
    await hub.publish('news', { data: 'after' });
    await eventually(() => page.data.length === 3);
    expect(page).toMatchObject({
      data: ['before', 'meanwhile', 'after'],
      closed: ['expired'],
      opened: 2,
    });
    // A stream may end a little before its token: who tries that again gets little more.
    expect(tokens).toEqual([short, long]);
  });

  it('that expires and is tried again does no harm', async () => {
    const { url, hub } = await start();
    const short = tokenOf({ sub: 'ann', exp: soon() });
    const long = tokenOf({ sub: 'ann', exp: inAnHour() });
    const page = listen(url, giving(short, long));
    await eventually(() => hub.connections().length === 1);
    await hub.publish('news', { data: 'before' });
    await eventually(
      () => tokens.at(-1) === long && hub.connections().length === 1,
    );
    await hub.publish('news', { data: 'after' });
    await eventually(() => page.data.length === 2);
    expect(page.data).toEqual(['before', 'after']);
    expect(new Set(page.closed)).toEqual(new Set(['expired']));
  });

  it('that is refused, and there is no other, ends the EventSource', async () => {
    const { url, hub } = await start();
    const page = listen(url, giving('made up', undefined));
    await eventually(() => page.source.readyState === EventSource.CLOSED);
    expect(page).toMatchObject({ opened: 0, errors: [401] });
    expect(tokens).toEqual(['made up']);
    expect(hub.connections()).toEqual([]);
  });

  it('does not end it while the app is away, or who gives tokens', async () => {
    const { url, hub } = await start();
    const fresh = tokenOf({ sub: 'ann', exp: inAnHour() });
    const away = async () => {
      throw new TypeError('fetch failed');
    };
    const given = [async () => fresh, away, async () => fresh];
    const token = new AccessToken(() => given.shift()!());
    const page = listen(url, token, () => token.forget());
    await eventually(() => hub.connections().length === 1);
    outages = 1;
    hub.connections()[0]!.close('for a moment');
    await eventually(() => page.opened === 2);
    // The end of the stream, the tokens that could not be had, the 503.
    expect(page.errors).toHaveLength(3);
    expect(given).toEqual([]);
    expect(tokens).toEqual([fresh, fresh, fresh]);
  });
});

describe.each(platforms)('A page of another origin, on %s', (_, adapter) => {
  const origin = 'https://app.example';
  const authorization = () =>
    `Bearer ${tokenOf({ sub: 'ann', exp: inAnHour() })}`;

  const start = (cors: object = {}) =>
    startApp(adapter, {
      imports: [PassportModule],
      controllers: [StreamsController],
      providers: [TokenStrategy],
      configure: (app: INestApplication) =>
        app.enableCors({ origin: [origin], credentials: true, ...cors }),
    });

  const allowed = {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
  };

  const corsOf = (headers: Headers) =>
    Object.fromEntries(
      [...headers].filter(([name]) => name.startsWith('access-control-allow-')),
    );

  const preflight = (url: string, from: string) =>
    answer(`${url}/events`, {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization,last-event-id',
      },
    });

  it.each([
    ['as asked for', {}],
    [
      'as listed',
      { allowedHeaders: ['Authorization', 'Last-Event-ID'], maxAge: 600 },
    ],
  ])(
    'may send a token and a cursor, %s, and asks without a guard or a connection',
    async (_name, cors) => {
      outages = 1;
      const { url, hub } = await start(cors);
      const { status, headers } = await preflight(url, origin);
      expect(status).toBe(204);
      expect(corsOf(headers)).toMatchObject(allowed);
      expect(
        headers.get('access-control-allow-headers')!.toLowerCase().split(/, */),
      ).toEqual(['authorization', 'last-event-id']);
      expect(headers.get('access-control-allow-methods')).toContain('GET');
      expect(outages).toBe(1);
      expect(hub.connections()).toEqual([]);
    },
  );

  it('may read the stream, and resumes', async () => {
    const { app, hub } = await start();
    const client = await SseTestClient.connect(app, '/events', {
      headers: { origin, authorization: authorization() },
    });
    await client.next('hub.checkpoint');
    await client.dropConnection();
    await hub.publish('news', { data: 'missed' });
    await client.reconnect();
    expect((await client.next()).data).toBe('missed');
    expect(client.headers).toMatchObject({ ...allowed });
    expect(client.headers.vary).toMatch(/\borigin\b/i);
  });

  it('may read why it gets no stream', async () => {
    const { url } = await start();
    const refused = await answer(`${url}/events`, { headers: { origin } });
    expect(refused.status).toBe(401);
    expect(corsOf(refused.headers)).toMatchObject(allowed);
    outages = 1;
    const away = await answer(`${url}/events`, { headers: { origin } });
    expect(away.status).toBe(503);
    expect(corsOf(away.headers)).toMatchObject(allowed);
  });

  it('may not, when it is none of the list', async () => {
    const { app, url } = await start();
    const evil = 'https://evil.example';
    const { headers } = await preflight(url, evil);
    expect(headers.get('access-control-allow-origin')).not.toBe(evil);
    const client = await SseTestClient.connect(app, '/events', {
      headers: { origin: evil, authorization: authorization() },
    });
    expect(client.headers['access-control-allow-origin']).toBeUndefined();
  });
});
