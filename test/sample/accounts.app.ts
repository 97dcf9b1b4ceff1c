import { createHmac } from 'node:crypto';
import { SseTestClient } from 'nestjs-sse-hub/testing';
import { freePort } from '../support/free-port.js';
import { SampleApp } from './sample-app.js';

/** What the app signs tokens with, so that tests can sign some, too. */
export const SECRET = 'known to the tests only';

export type Name = 'ada' | 'ben' | 'admin';

/** The built accounts app in a process of its own. */
export class AccountsApp extends SampleApp {
  private readonly streams: SseTestClient[] = [];

  private constructor(port: number, environment?: Record<string, string>) {
    super('accounts', port, { JWT_SECRET: SECRET, ...environment });
  }

  static async create(
    environment?: Record<string, string>,
  ): Promise<AccountsApp> {
    const app = new AccountsApp(await freePort(), environment);
    await app.start();
    return app;
  }

  async dispose(): Promise<void> {
    await this.drop();
    await this.end();
  }

  /** Cuts what `listen` opened. */
  async drop(): Promise<void> {
    await Promise.all(this.streams.splice(0).map((stream) => stream.close()));
  }

  /** @returns a session of a user, that keeps its cookie */
  async signIn(name: Name): Promise<Visitor> {
    const response = await this.send('POST', '/session', {
      name,
      password: `${name}-demo`,
    });
    if (response.status !== 201) {
      throw new Error(`${name} cannot sign in: ${response.status}`);
    }
    return new Visitor(
      this,
      response.headers.getSetCookie()[0]!.split(';')[0]!,
    );
  }

  async listen(
    path: string,
    cookie?: string,
    lastEventId?: string,
  ): Promise<SseTestClient> {
    const stream = await SseTestClient.connect(this.url + path, {
      headers: cookie === undefined ? {} : { cookie },
      lastEventId,
    });
    this.streams.push(stream);
    return stream;
  }
}

/** Whoever sends a cookie. */
export class Visitor {
  constructor(
    private readonly app: AccountsApp,
    readonly cookie: string,
  ) {}

  get token(): string {
    return this.cookie.slice('session='.length);
  }

  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Response> {
    return this.app.send(method, path, body, {
      Cookie: this.cookie,
      ...headers,
    });
  }

  async status(method: string, path: string, body?: unknown): Promise<number> {
    return (await this.send(method, path, body)).status;
  }

  async notify(to: Name, text: string): Promise<void> {
    const path = `/users/${to}/notifications`;
    const status = await this.status('POST', path, { text });
    if (status !== 201) {
      throw new Error(`Not sent: ${status}`);
    }
  }

  listen(path: string, lastEventId?: string): Promise<SseTestClient> {
    return this.app.listen(path, this.cookie, lastEventId);
  }
}

/** A token as the app makes them, or nearly so. */
export function sign(
  payload: object,
  { secret = SECRET, algorithm = 'HS256' } = {},
): string {
  const signed = [{ alg: algorithm, typ: 'JWT' }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const hash = { HS256: 'sha256', HS512: 'sha512' }[algorithm];
  const signature = hash
    ? createHmac(hash, secret).update(signed).digest('base64url')
    : '';
  return `${signed}.${signature}`;
}

export function payloadOf(token: string): Record<string, any> {
  return JSON.parse(
    Buffer.from(token.split('.')[1]!, 'base64url').toString(),
  ) as Record<string, any>;
}

/** The reason that the server has given for the end of a stream, once it has ended. */
export async function endOf(stream: SseTestClient): Promise<string> {
  const { data } = await stream.next('hub.closed');
  await stream.untilClosed();
  return (data as { reason: string }).reason;
}
