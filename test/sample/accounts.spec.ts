import type { SseTestClient } from 'nestjs-sse-hub/testing';
import {
  AccountsApp,
  type Name,
  type Visitor,
  endOf,
  payloadOf,
  sign,
} from './accounts.app.js';

const STREAMS = ['/users/ada/events', '/newsroom/events', '/admin/events'];

const ADMIN_ROUTES: [method: string, path: string][] = [
  ['GET', '/admin/events'],
  ['DELETE', '/admin/connections/x-1'],
  ['DELETE', '/admin/users/ada/sessions'],
  ['PUT', '/admin/users/ben/roles/editor'],
  ['DELETE', '/admin/users/ada/roles/editor'],
];

describe('the accounts app', () => {
  let app: AccountsApp;

  beforeAll(async () => {
    app = await AccountsApp.create();
  });

  afterEach(() => app.drop());

  afterAll(() => app.dispose());

  const signIn = (name: Name) => app.signIn(name);

  const statusWith = async (token: string) =>
    (
      await app.send('GET', '/users', undefined, {
        Cookie: `session=${token}`,
      })
    ).status;

  const sessionOf = async (visitor: Visitor): Promise<unknown> =>
    (await visitor.send('GET', '/session')).json();

  const texts = (stream: SseTestClient) =>
    stream.data.flatMap(({ text }) => (text as string) ?? []);

  describe('POST /session', () => {
    it('answers who it is, and sets a cookie that no script and no other site can use', async () => {
      const response = await app.send('POST', '/session', {
        name: ' Ada ',
        password: 'ada-demo',
      });
      expect(response.status).toBe(201);
      expect(await response.json()).toEqual({
        id: 'ada',
        name: 'Ada',
        roles: ['editor'],
      });
      const [cookie, ...others] = response.headers.getSetCookie();
      expect(others).toEqual([]);
      expect(cookie!.split('; ').slice(1).sort()).toEqual([
        'HttpOnly',
        'Path=/',
        'SameSite=Strict',
      ]);
    });

    it('makes it Secure for who comes by HTTPS', async () => {
      const response = await app.send(
        'POST',
        '/session',
        { name: 'ada', password: 'ada-demo' },
        { 'X-Forwarded-Proto': 'https' },
      );
      expect(response.headers.getSetCookie()[0]).toContain('; Secure');
    });

    it.each([
      ['a wrong password', { name: 'ada', password: 'ben-demo' }],
      ['an unknown name', { name: 'eve', password: 'ada-demo' }],
    ])('answers 401 to %s', async (_, body) => {
      const response = await app.send('POST', '/session', body);
      expect(response.status).toBe(401);
      expect((await response.json()).message).toBe('Name or password is wrong');
      expect(response.headers.getSetCookie()).toEqual([]);
    });

    it.each([
      ['nothing', {}, ['name', 'password']],
      ['no password', { name: 'ada', password: '' }, ['password']],
      [
        'an object for a name',
        { name: { length: 3 }, password: 'x' },
        ['name'],
      ],
    ])('answers 400 by field to %s', async (_, body, fields) => {
      const response = await app.send('POST', '/session', body);
      expect(response.status).toBe(400);
      const { message } = await response.json();
      expect(Object.keys(message).sort()).toEqual(fields);
    });
  });

  describe('GET /session', () => {
    it('says who is signed in', async () => {
      expect(await sessionOf(await signIn('ada'))).toEqual({
        user: { id: 'ada', name: 'Ada', roles: ['editor'] },
      });
    });

    it('says that nobody is, which is no error', async () => {
      const response = await app.send('GET', '/session');
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ reason: 'missing' });
    });
  });

  describe('a token', () => {
    it('is good as it was made', async () => {
      const { token } = await signIn('ben');
      expect(await statusWith(token)).toBe(200);
    });

    it('does not hold the roles, which may change', async () => {
      const { token } = await signIn('ada');
      expect(Object.keys(payloadOf(token)).sort()).toEqual([
        'exp',
        'iat',
        'jti',
        'sub',
      ]);
    });

    it.each<[string, (token: string) => string]>([
      [
        'with another user in it',
        (token) => {
          const [head, , signature] = token.split('.');
          const payload = { ...payloadOf(token), sub: 'admin' };
          const text = Buffer.from(JSON.stringify(payload));
          return [head, text.toString('base64url'), signature].join('.');
        },
      ],
      [
        'signed with another secret',
        (token) => sign(payloadOf(token), { secret: 'guessed' }),
      ],
      [
        'that says it needs no signature',
        (token) => sign(payloadOf(token), { algorithm: 'none' }),
      ],
      [
        'that chooses another algorithm',
        (token) => sign(payloadOf(token), { algorithm: 'HS512' }),
      ],
      ['without its signature', (token) => token.replace(/[^.]*$/, '')],
      ['that is none', () => 'ada'],
    ])('%s is refused', async (_, change) => {
      const { token } = await signIn('ben');
      expect(await statusWith(change(token))).toBe(401);
    });

    it('of a session that never was is refused, whoever signed it', async () => {
      const { token } = await signIn('ben');
      const forged = sign({ ...payloadOf(token), jti: 'made-up' });
      expect(await statusWith(forged)).toBe(401);
    });

    it('that has expired is refused with the reason', async () => {
      const { token } = await signIn('ben');
      const expired = sign({
        ...payloadOf(token),
        exp: Math.floor(Date.now() / 1000) - 1,
      });
      const stream = await app.listen(
        '/users/ben/events',
        `session=${expired}`,
      );
      expect(stream.status).toBe(401);
      await stream.untilClosed();
      expect(JSON.parse(stream.text)).toMatchObject({ reason: 'expired' });
    });
  });

  describe('who may listen', () => {
    it.each(STREAMS)('nobody without a cookie: GET %s', async (path) => {
      expect((await app.listen(path)).status).toBe(401);
    });

    it.each<[Name, string[], string[]]>([
      [
        'ada',
        ['/users/ada/events', '/newsroom/events'],
        ['/users/ben/events', '/admin/events', '/users/*/events'],
      ],
      [
        'ben',
        ['/users/ben/events'],
        ['/users/ada/events', '/newsroom/events', '/admin/events'],
      ],
      [
        'admin',
        ['/users/admin/events', '/admin/events'],
        ['/users/ada/events', '/newsroom/events'],
      ],
    ])('%s to %j, and not to %j', async (name, open, closed) => {
      const visitor = await signIn(name);
      for (const path of open) {
        expect((await visitor.listen(path)).status).toBe(200);
      }
      for (const path of closed) {
        expect((await visitor.listen(path)).status).toBe(403);
      }
    });

    it.each(ADMIN_ROUTES)('only admins may %s %s', async (method, path) => {
      expect((await app.send(method, path)).status).toBe(401);
      for (const name of ['ada', 'ben'] as const) {
        const visitor = await signIn(name);
        expect(await visitor.status(method, path)).toBe(403);
      }
    });
  });

  describe('requests of other sites', () => {
    const body = { text: 'from elsewhere' };

    it.each<[string, Record<string, string>]>([
      ['another site', { 'Sec-Fetch-Site': 'cross-site' }],
      ['a neighbour subdomain', { 'Sec-Fetch-Site': 'same-site' }],
      ['an address that was typed', { 'Sec-Fetch-Site': 'none' }],
      ['another origin', { Origin: 'https://elsewhere.example' }],
      ['another port', { Origin: 'http://localhost:1' }],
      ['an origin without a name', { Origin: 'null' }],
    ])('are refused: %s', async (_, headers) => {
      const [ada, ben] = [await signIn('ada'), await signIn('ben')];
      const stream = await ben.listen('/users/ben/events');
      const response = await ada.send(
        'POST',
        '/users/ben/notifications',
        body,
        headers,
      );
      expect(response.status).toBe(403);
      const out = await ada.send('DELETE', '/session', undefined, headers);
      expect(out.status).toBe(403);
      await ada.notify('ben', 'from here');
      await stream.next('notification');
      expect(texts(stream)).toEqual(['from here']);
    });

    it.each([
      'text/plain',
      'application/x-www-form-urlencoded',
      'text/plain; application/json',
      'multipart/form-data; boundary=x',
    ])('cannot send %s, as a form could', async (type) => {
      const ada = await signIn('ada');
      const response = await ada.send(
        'POST',
        '/users/ben/notifications',
        body,
        {
          'Content-Type': type,
        },
      );
      expect(response.status).toBe(415);
    });

    it('are let through from the page itself', async () => {
      const ada = await signIn('ada');
      const ways: Record<string, string>[] = [
        { 'Sec-Fetch-Site': 'same-origin', Origin: app.url },
        { Origin: app.url },
        // A proxy that gives the app another Host says so.
        {
          Origin: 'http://accounts.example',
          'X-Forwarded-Host': 'accounts.example',
        },
      ];
      for (const headers of ways) {
        const response = await ada.send(
          'POST',
          '/users/ben/notifications',
          body,
          headers,
        );
        expect(response.status).toBe(201);
      }
    });
  });

  describe('notifications', () => {
    it('reach the one they are for, in every tab, and nobody else', async () => {
      const [ada, ben] = [await signIn('ada'), await signIn('ben')];
      const [adas, bens, bens2] = await Promise.all([
        ada.listen('/users/ada/events'),
        ben.listen('/users/ben/events'),
        ben.listen('/users/ben/events'),
      ]);
      await ada.notify('ben', 'only Ben may read this');
      await ben.notify('ada', 'only Ada may read this');
      // What came behind shows that nothing is still on its way.
      await ben.notify('ada', 'last');
      await ben.notify('ben', 'last');
      await Promise.all(
        [adas, bens, bens2].map((stream) =>
          stream.next(({ text }) => text.includes('"last"')),
        ),
      );
      expect(adas.text).not.toContain('only Ben');
      expect(bens.text + bens2.text).not.toContain('only Ada');
      for (const stream of [bens, bens2]) {
        expect(texts(stream)).toEqual(['only Ben may read this', 'last']);
      }
    });

    it('are replayed to their owner alone', async () => {
      const [ada, ben] = [await signIn('ada'), await signIn('ben')];
      const { cursor } = await (
        await ben.send('GET', '/users/ben/notifications')
      ).json();
      await ada.notify('ben', 'while Ben was away');
      await ada.notify('ada', 'while Ada was away');
      const bens = await ben.listen('/users/ben/events', cursor);
      const adas = await ada.listen('/users/ada/events', cursor);
      await Promise.all([bens.next('notification'), adas.next('notification')]);
      expect(texts(bens)).toEqual(['while Ben was away']);
      expect(texts(adas)).toEqual(['while Ada was away']);
    });

    it('are listed for their owner alone', async () => {
      const ben = await signIn('ben');
      expect(await ben.status('GET', '/users/ben/notifications')).toBe(200);
      expect(await ben.status('GET', '/users/ada/notifications')).toBe(403);
    });

    it('have to be for somebody, and to say something', async () => {
      const ben = await signIn('ben');
      const send = (to: string, text: unknown) =>
        ben.status('POST', `/users/${to}/notifications`, { text });
      expect(await send('eve', 'x')).toBe(404);
      expect(await send('ada', '  ')).toBe(400);
      expect(await send('ada', 'x'.repeat(281))).toBe(400);
    });
  });

  describe('the newsroom', () => {
    it('is for editors only', async () => {
      const [ada, ben] = [await signIn('ada'), await signIn('ben')];
      const newsroom = await ada.listen('/newsroom/events');
      const own = await ben.listen('/users/ben/events');
      expect(
        await ada.status('POST', '/newsroom', { text: 'for editors' }),
      ).toBe(201);
      expect(await newsroom.next('note')).toBeDefined();
      expect(await ben.status('POST', '/newsroom', { text: 'me too' })).toBe(
        403,
      );
      expect(await ben.status('GET', '/newsroom')).toBe(403);
      await ada.notify('ben', 'for Ben');
      await own.next('notification');
      expect(own.text).not.toContain('for editors');
      expect(texts(own)).toEqual(['for Ben']);
    });

    it('tells by name who is there', async () => {
      const ada = await signIn('ada');
      const newsroom = await ada.listen('/newsroom/events');
      const event = await newsroom.next(
        ({ type, text }) => type === 'present' && text.includes('Ada'),
      );
      expect(event.data).toEqual({ names: ['Ada'] });
    });
  });

  describe('DELETE /session', () => {
    it('ends all streams of the user, and no other', async () => {
      const [ada, ada2] = [await signIn('ada'), await signIn('ada')];
      const ben = await signIn('ben');
      const adas = [
        await ada.listen('/users/ada/events'),
        await ada.listen('/newsroom/events'),
        await ada2.listen('/users/ada/events'),
      ];
      const bens = await ben.listen('/users/ben/events');
      expect(await ada.status('DELETE', '/session')).toBe(204);
      for (const stream of adas) {
        expect(await endOf(stream)).toBe('signed-out');
      }
      await ben.notify('ben', 'still here');
      await bens.next('notification');
    });

    it('makes the cookie worthless, a copy of it and those of other devices', async () => {
      const [ada, ada2] = [await signIn('ada'), await signIn('ada')];
      const response = await ada.send('DELETE', '/session');
      expect(response.headers.getSetCookie()[0]).toMatch(
        /^session=; .*Expires=Thu, 01 Jan 1970/,
      );
      for (const visitor of [ada, ada2]) {
        expect(await sessionOf(visitor)).toEqual({ reason: 'ended' });
        expect(await visitor.status('GET', '/users')).toBe(401);
        for (const path of STREAMS) {
          expect((await visitor.listen(path)).status).toBe(401);
        }
        expect(
          await visitor.status('POST', '/users/ben/notifications', {
            text: 'x',
          }),
        ).toBe(401);
      }
    });
  });

  describe('the admin', () => {
    const overviewWith = async (
      stream: SseTestClient,
      fits: (overview: any) => boolean,
    ) => {
      const event = await stream.next(
        ({ type, data }) => type === 'overview' && fits(data),
      );
      return event.data;
    };

    const of = (overview: any, userId: string) =>
      overview.connections.filter((row: any) => row.userId === userId);

    it('sees connections come and go, and who is present', async () => {
      const [admin, ben] = [await signIn('admin'), await signIn('ben')];
      const stream = await admin.listen('/admin/events');
      await overviewWith(
        stream,
        (overview) => of(overview, 'ben').length === 0,
      );
      const { cursor } = await (
        await ben.send('GET', '/users/ben/notifications')
      ).json();
      const bens = await ben.listen('/users/ben/events', cursor);
      const overview = await overviewWith(
        stream,
        (seen) =>
          of(seen, 'ben').length === 1 &&
          seen.people.some(
            ({ id, isPresent }: any) => id === 'ben' && isPresent,
          ),
      );
      expect(of(overview, 'ben')).toEqual([
        {
          id: expect.any(String),
          userId: 'ben',
          openedAt: expect.stringMatching(/^\d{4}-.*Z$/),
          address: expect.stringMatching(/127\.0\.0\.1|::1/),
          lastEventId: cursor,
        },
      ]);
      await bens.dropConnection();
      await overviewWith(stream, (seen) => of(seen, 'ben').length === 0);
      expect(stream.text).not.toContain(payloadOf(ben.token).jti);
    });

    it('disconnects a user, who has to sign in again', async () => {
      const [admin, ben] = [await signIn('admin'), await signIn('ben')];
      const ada = await signIn('ada');
      const adas = await ada.listen('/users/ada/events');
      const bens = [
        await ben.listen('/users/ben/events'),
        await ben.listen('/users/ben/events'),
      ];
      expect(await admin.status('DELETE', '/admin/users/ben/sessions')).toBe(
        204,
      );
      for (const stream of bens) {
        expect(await endOf(stream)).toBe('revoked');
      }
      expect(await sessionOf(ben)).toEqual({ reason: 'ended' });
      expect(await ben.status('GET', '/users')).toBe(401);
      await ada.notify('ada', 'still here');
      await adas.next('notification');
    });

    it('ends one connection, whose user may open another', async () => {
      const [admin, ben] = [await signIn('admin'), await signIn('ben')];
      const stream = await admin.listen('/admin/events');
      const first = await ben.listen('/users/ben/events');
      const overview = await overviewWith(
        stream,
        (seen) => of(seen, 'ben').length === 1,
      );
      const second = await ben.listen('/users/ben/events');
      const [{ id }] = of(overview, 'ben');
      expect(await admin.status('DELETE', `/admin/connections/${id}`)).toBe(
        204,
      );
      expect(await endOf(first)).toBe('revoked');
      await ben.notify('ben', 'still here');
      await second.next('notification');
      expect((await ben.listen('/users/ben/events')).status).toBe(200);
    });

    it('takes the editor role: the newsroom ends, the rest goes on', async () => {
      const [admin, ada] = [await signIn('admin'), await signIn('ada')];
      const own = await ada.listen('/users/ada/events');
      const newsroom = await ada.listen('/newsroom/events');
      const role = '/admin/users/ada/roles/editor';
      expect(await admin.status('DELETE', role)).toBe(204);
      expect(await endOf(newsroom)).toBe('revoked');
      expect((await ada.listen('/newsroom/events')).status).toBe(403);
      expect(await ada.status('GET', '/newsroom')).toBe(403);
      expect((await own.next('account.changed')).data).toEqual({
        roles: [],
      });
      await ada.notify('ada', 'still here');
      await own.next('notification');

      expect(await admin.status('PUT', role)).toBe(204);
      expect((await own.next('account.changed')).data).toEqual({
        roles: ['editor'],
      });
      expect((await ada.listen('/newsroom/events')).status).toBe(200);
    });

    it('reads who did what', async () => {
      const admin = await signIn('admin');
      const stream = await admin.listen('/admin/events');
      await signIn('ben');
      const event = await stream.next(
        ({ type, text }) => type === 'activity' && text.includes('"ben"'),
      );
      expect(event.data).toEqual({
        by: 'ben',
        did: 'signed in',
        at: expect.stringMatching(/^\d{4}-.*Z$/),
      });
    });

    it('cannot act on a user who does not exist', async () => {
      const admin = await signIn('admin');
      for (const [method, path] of [
        ['DELETE', '/admin/users/eve/sessions'],
        ['PUT', '/admin/users/eve/roles/editor'],
      ] as const) {
        expect(await admin.status(method, path)).toBe(404);
      }
    });
  });

  it('serves a page that may run its own scripts only, none of them inline', async () => {
    const response = await app.send('GET', '/');
    const policy = response.headers.get('Content-Security-Policy')!;
    expect(policy.split(';').sort()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self'",
      "script-src 'self'",
      "style-src 'self'",
    ]);
    const html = await response.text();
    expect(html).toContain('<title>Accounts</title>');
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|style=/);
  });
});

describe('a session of the accounts app', () => {
  let app: AccountsApp;

  beforeEach(async () => {
    app = await AccountsApp.create({ SESSION_SECONDS: '6' });
  });

  afterEach(() => app.dispose());

  it('ends by itself, and its streams with it, also after a change of roles', async () => {
    // The first of each takes the app the longest: not out of the session that is to end.
    const first = await app.signIn('ada');
    await first.listen('/users/ada/events');
    await app.drop();
    const admin = await app.signIn('admin');
    const ada = await app.signIn('ada');
    const own = await ada.listen('/users/ada/events');
    const role = '/admin/users/ada/roles/editor';
    expect(await admin.status('DELETE', role)).toBe(204);
    await own.next('account.changed');
    expect(await endOf(own)).toBe('expired');
  });
});
