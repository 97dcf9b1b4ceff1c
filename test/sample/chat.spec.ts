import { createHash } from 'node:crypto';
import { isBuiltin } from 'node:module';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { losesNothing } from './chat-loses-nothing.js';
import {
  ChatApp,
  heard,
  hears,
  histories,
  present,
  FORM,
  JSON_TYPE,
} from './chat.app.js';

const withSqlite = isBuiltin('node:sqlite') ? describe : describe.skip;

describe('the chat', () => {
  let app: ChatApp;

  beforeEach(async () => {
    app = await ChatApp.create();
  });

  afterEach(() => app.dispose());

  describe('GET /messages?id=', () => {
    it('begins with the history as one event, then has an event for each message', async () => {
      await app.say('1234', 'Hi');
      const stream = await app.listen('/messages?id=1234');
      expect(await stream.next()).toEqual({
        type: 'message',
        id: undefined,
        data: [{ user_id: '1234', message: 'Hi' }],
      });
      await stream.next('hub.checkpoint');
      await app.say('5678', 'Hello');
      expect(await stream.next('message')).toMatchObject({
        data: { user_id: '5678', message: 'Hello' },
        id: expect.stringContaining('-'),
      });
      expect(histories(stream)).toHaveLength(1);
    });

    it('begins with an empty history when nothing has been said', async () => {
      const stream = await app.listen('/messages?id=1234');
      expect((await stream.next('message')).data).toEqual([]);
      expect(stream.text.match(/^retry:/gm)).toHaveLength(1);
    });

    it('has the last 100 messages in order', async () => {
      for (let count = 1; count <= 103; count++) {
        await app.say('1234', `message ${count}`);
      }
      const history = await app.history();
      expect(history).toHaveLength(100);
      expect(history).toEqual(
        Array.from({ length: 100 }, (_, index) => ({
          user_id: '1234',
          message: `message ${index + 4}`,
        })),
      );
    });

    it('gives who comes back only what was missed', async () => {
      const stream = await app.listen('/messages?id=1234');
      await app.say('5678', 'before');
      await hears(stream, 'before');
      await stream.dropConnection();
      await app.say('5678', 'missed');
      await app.say('1234', 'own');
      await stream.reconnect();
      await app.say('5678', 'after');
      await hears(stream, 'after');
      expect(heard(stream)).toEqual(['before', 'missed', 'after']);
      expect(histories(stream)).toHaveLength(1);
    });

    it('tells who comes back after a restart without a log that stays, and who begins anew', async () => {
      const stream = await app.listen('/messages?id=1234');
      await app.say('5678', 'forgotten');
      await hears(stream, 'forgotten');
      await app.end('SIGKILL');
      await app.start();
      await app.say('5678', 'new');
      await stream.reconnect();
      const { data } = await stream.next('hub.reset');
      expect(data.reason).toBe('epoch');
      expect(await app.history()).toEqual([
        { user_id: '5678', message: 'new' },
      ]);
    });
  });

  describe('a guest', () => {
    it.each(['/messages', '/messages?id=', '/chat'])(
      'is made of whoever asks %s without an id',
      async (path) => {
        const { headers } = await app.listen(path);
        expect(headers['set-cookie']).toEqual([
          expect.stringMatching(
            /^guest=[\w-]{22};.* Path=\/;.* HttpOnly; SameSite=Strict$/,
          ),
        ]);
      },
    );

    it('has a name, keeps it, and nobody sees the secret in the cookie', async () => {
      const guest = await app.guest();
      expect(guest.id).toMatch(/^[a-z]+-[a-z]+~[0-9a-f]{20}$/);
      await guest.say('Hi');
      const again = await guest.listen();
      expect(again.headers).not.toHaveProperty('set-cookie');
      expect((await again.next('present')).data.you).toBe(guest.id);
      const [history] = histories(again);
      expect(history!.data).toEqual([
        {
          user_id: guest.id,
          message: 'Hi',
          id: expect.any(String),
          at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        },
      ]);
      const secret = guest.cookie.slice('guest='.length);
      expect(again.text + guest.stream.text).not.toContain(secret);
      // Nor anything that the secret could be told from.
      const hash = createHash('sha256').update(secret).digest('hex');
      expect(hash).toContain(guest.id.split('~')[1]);
    });

    it('is the same after a restart', async () => {
      const guest = await app.guest();
      await app.end('SIGKILL');
      await app.start();
      const stream = await guest.listen();
      const { data } = await stream.next('present');
      expect(data.you).toBe(guest.id);
    });

    it('cannot be spoken for by who knows the id', async () => {
      const { id } = await app.guest();
      const name = id.split('~')[0]!;
      for (const cookie of [id, name, `${name}~`]) {
        const response = await app.send(
          'POST',
          '/message',
          { message: 'I' },
          {
            Cookie: `guest=${encodeURIComponent(cookie)}`,
          },
        );
        expect(response.status).toBe(400);
      }
      const query = new URLSearchParams({ id });
      const response = await app.send('POST', `/message?${query}`, {
        message: 'I',
      });
      expect(response.status).toBe(400);
      expect(await app.history()).toEqual([]);
    });

    it('neither listens nor speaks as somebody else', async () => {
      const guest = await app.guest();
      const headers = { Cookie: guest.cookie };
      for (const [method, path] of [
        ['GET', '/messages?id=1234'],
        ['GET', '/chat?id=1234'],
        ['POST', '/message?id=1234'],
      ] as const) {
        const body = method === 'POST' ? { message: 'Hi' } : undefined;
        const response = await app.send(method, path, body, headers);
        expect(response.status).toBe(403);
      }
      expect(await app.history()).toEqual([]);
    });

    it.each(['same-site', 'cross-site'])(
      'says nothing that a %s page makes its browser send',
      async (site) => {
        const guest = await app.guest();
        const response = await guest.post(
          { message: 'Buy!' },
          { 'Sec-Fetch-Site': site },
        );
        expect(response.status).toBe(403);
        expect(await app.history()).toEqual([]);
      },
    );
  });

  describe('POST /message', () => {
    it.each([
      ['JSON', '{"message":"  Hi\\n"}', JSON_TYPE],
      ['a form', 'message=++Hi%0A', FORM],
      ['JSON that curl calls a form', '{"message":" Hi "}', FORM],
    ])('takes %s, trims it and stores it', async (_, body, type) => {
      const response = await app.post(body, type);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({
        status: 200,
        user_id: '1234',
        message: 'Hi',
      });
      expect(await app.history()).toEqual([{ user_id: '1234', message: 'Hi' }]);
    });

    it('takes 1000 characters', async () => {
      const body = `message=${'x'.repeat(1_000)}`;
      expect((await app.post(body, FORM)).status).toBe(200);
    });

    it('tells everybody but the sender, on all connections of the sender', async () => {
      const guest = await app.guest();
      const own = [
        guest.stream,
        await guest.listen(),
        await guest.listen('/chat'),
      ];
      const others = [
        await app.listen('/messages?id=1234'),
        await app.listen('/chat'),
        (await app.guest()).stream,
      ];
      await guest.say('Mine');
      await app.say('5678', 'Theirs');
      for (const stream of [...own, ...others]) {
        await hears(stream, 'Theirs');
      }
      for (const stream of own) {
        expect(heard(stream)).toEqual(['Theirs']);
      }
      for (const stream of others) {
        expect(heard(stream)).toEqual(['Mine', 'Theirs']);
      }
    });

    it('stores a message once that is sent again with its id', async () => {
      const guest = await app.guest();
      const first = await guest.post({ message: 'Once', id: 'a1' });
      const second = await guest.post({ message: ' Once ', id: 'a1' });
      expect(await second.json()).toEqual(await first.json());
      const other = await guest.post({ message: 'Twice', id: 'a1' });
      expect(other.status).toBe(422);
      // The same id of somebody else is another message.
      const response = await app.post('{"message":"Hi","id":"a1"}', JSON_TYPE);
      expect(response.status).toBe(200);
      expect(await app.history()).toMatchObject([
        { message: 'Once' },
        { message: 'Hi' },
      ]);
    });
  });

  it('takes an id that is null for none', async () => {
    for (const message of ['Hi', 'Hello']) {
      const body = JSON.stringify({ message, id: null });
      expect((await app.post(body, JSON_TYPE)).status).toBe(200);
    }
    expect(await app.history()).toHaveLength(2);
  });

  describe('GET /chat', () => {
    it('has the messages from now on, and what was missed by who comes back', async () => {
      await app.say('5678', 'earlier');
      const stream = await app.listen('/chat');
      await app.say('5678', 'now');
      await hears(stream, 'now');
      await stream.dropConnection();
      await app.say('5678', 'missed');
      await stream.reconnect();
      await hears(stream, 'missed');
      expect(heard(stream)).toEqual(['now', 'missed']);
      expect(histories(stream)).toEqual([]);
    });

    it('makes a guest who may write with the cookie', async () => {
      const stream = await app.listen('/chat');
      const [cookie] = stream.headers['set-cookie']!;
      const response = await app.send(
        'POST',
        '/message',
        { message: 'Hi' },
        {
          Cookie: cookie!.split(';')[0]!,
        },
      );
      expect(await response.json()).toMatchObject({
        status: 200,
        user_id: expect.stringContaining('~'),
      });
    });
  });

  describe('the room', () => {
    it('tells guests who is in it, each once, on whatever stream', async () => {
      const guest = await app.guest();
      const other = await app.guest();
      await other.listen('/chat');
      const byId = await app.listen('/messages?id=1234');
      for (const { stream } of [guest, other]) {
        await present(stream, [guest.id, other.id, '1234']);
      }
      await app.say('5678', 'Hi');
      await hears(byId, 'Hi');
      // Which the article's client does not know of.
      expect(byId.received.map(({ type }) => type)).not.toContain('present');
    });

    it('tells when somebody has left', async () => {
      const guest = await app.guest();
      const byId = await app.listen('/messages?id=1234');
      await present(guest.stream, [guest.id, '1234']);
      await byId.dropConnection();
      await present(guest.stream, [guest.id]);
    });
  });

  it('logs who connects and who disconnects', async () => {
    const connected = app.says('has connected');
    const disconnected = app.says('has disconnected');
    const stream = await app.listen('/chat?id=1234');
    expect(await connected).toContain('1234 has connected');
    await stream.dropConnection();
    expect(await disconnected).toContain('1234 has disconnected: client');
  });
});

withSqlite('the chat on SQLite (Node 22.13 or newer)', () => {
  losesNothing(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chat-'));
    const app = await ChatApp.create(`sqlite:${join(folder, 'data/chat.db')}`);
    return {
      app,
      end: async () => {
        await app.dispose();
        await rm(folder, { recursive: true });
      },
    };
  });
});
