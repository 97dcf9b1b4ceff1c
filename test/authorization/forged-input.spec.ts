import { Controller, Injectable, Param, UseGuards } from '@nestjs/common';
import fc from 'fast-check';
import {
  Connection,
  EventHub,
  Sse,
  SseConnection,
  TopicPolicy,
  topic,
} from 'nestjs-sse-hub';
import type { TopicAuthorizer } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import type { HeaderUser } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import type { RunningApp } from '../support/running-app.js';
import { readResponse, readResponses } from '../support/wire.js';
import { WireClient, destroyWireClients } from '../support/wire-client.js';

/** Node's default for all headers of a request, the request line with them. */
const MAX_HEADERS = 16 * 1024;

@Injectable()
@TopicPolicy('rooms.*')
class RoomsPolicy implements TopicAuthorizer<HeaderUser> {
  canSubscribe(user: HeaderUser | undefined, name: string): boolean {
    return name === topic('rooms', user?.id ?? 'lobby');
  }
}

@UseGuards(HeaderUserGuard)
@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('news')
  news(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['news'], for: connection });
  }

  @Sse('rooms/:name')
  room(@Param('name') name: string, @Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: [topic('rooms', name)],
      for: connection,
    });
  }
}

describe.each(platforms)('What a client makes up, on %s', (_, adapter) => {
  let app: RunningApp;
  /** A cursor that the hub has given: behind it are events for everyone and for ann. */
  let given: string;
  let epoch: string;
  let head: string;

  beforeAll(async () => {
    app = await startApp(adapter, {
      controllers: [StreamsController],
      providers: [RoomsPolicy],
    });
    given = await app.hub.head();
    epoch = given.slice(0, given.indexOf('-'));
    await app.hub.publish('news', { data: 'retained' });
    await app.hub.publish('news', { data: 'private', users: ['ann'] });
    await app.hub.publish(topic('rooms', 'ann'), { data: 'private' });
    await app.hub.publish('other', { data: 'private' });
    head = await app.hub.head();
  });

  afterEach(async () => {
    await closeSseTestClients();
    destroyWireClients();
  });

  afterAll(closeApps);

  /** It gets what a client does that has lost its history, and nothing else. */
  async function expectReset(
    client: SseTestClient,
    reset: { reason: string; cursor: string | null },
  ) {
    const first = await client.next(() => true);
    expect(first).toEqual({
      type: 'hub.reset',
      id: await app.hub.head(),
      data: reset,
    });
    await app.hub.publish('news', { data: 'live' });
    expect(await client.next(() => true)).toMatchObject({ data: 'live' });
    expect(client.status).toBe(200);
    await client.dropConnection();
  }

  const malformed = { reason: 'malformed', cursor: null };

  /** What a header may hold (RFC 9110, 5.5), and a query anyway. */
  const texts: [name: string, text: string][] = [
    ['a word', 'x'],
    ['a number', '42'],
    ['a minus', '-'],
    ['minuses only', '---'],
    ['no position', 'abc-'],
    ['no epoch', '-00000000001'],
    ['capitals', 'ABC-00000000001'],
    ['a comma', 'abc-1,abc-2'],
    ['white space inside', 'abc 00000000001'],
    ['JSON', '{"cursor":null}'],
    ['null', 'null'],
    ['undefined', 'undefined'],
    ['a prototype', '__proto__'],
    ['a path', '../../etc/passwd'],
    ['SQL', "' OR 1=1 --"],
    ['markup', '<script>alert(1)</script>'],
    ['bytes above ASCII', '\xff\xfe\x80-\xe9'],
    ['a wildcard', '**'],
    ['65 characters', `abc-${'0'.repeat(61)}`],
    ['8 KiB', 'a'.repeat(8 * 1024)],
    ['8 KiB in the form of a cursor', `abc-${'z'.repeat(8 * 1024)}`],
  ];

  describe('as a cursor', () => {
    it.each(texts)('%s in the header gives hub.reset', async (_name, text) => {
      const client = await SseTestClient.connect(app.app, '/news', {
        lastEventId: text,
      });
      await expectReset(client, malformed);
    });

    it.each(texts)('%s in the query gives hub.reset', async (_name, text) => {
      const client = await SseTestClient.connect(
        app.app,
        `/news?lastEventId=${encodeURIComponent(text)}`,
      );
      await expectReset(client, malformed);
    });

    it.each([
      ['NUL', '%00'],
      ['a new frame', 'x%0D%0A%0D%0Aevent:%20news%0Adata:%20forged%0A%0A'],
      ['line feeds', '%0A%0A'],
      ['no UTF-8', '%FF%FE%80'],
      ['half of a surrogate pair', '%ED%A0%80'],
      ['an overlong NUL', '%C0%80'],
      ['no percent-encoding', '%zz%'],
      ['a percent-encoded percent', '%2500'],
      ['a byte order mark', '%EF%BB%BF'],
    ])('%s in the query gives hub.reset', async (_name, text) => {
      const client = await SseTestClient.connect(
        app.app,
        `/news?lastEventId=${text}`,
      );
      await expectReset(client, malformed);
      expect(client.text).not.toContain('forged');
    });

    it('any bytes, percent-encoded, give hub.reset', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ minLength: 1, maxLength: 80 }),
          async (bytes) => {
            const text = [...bytes]
              .map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
              .join('');
            const client = await SseTestClient.connect(
              app.app,
              `/news?lastEventId=${text}`,
            );
            expect((await client.next(() => true)).type).toBe('hub.reset');
            await client.dropConnection();
          },
        ),
        { numRuns: 50 },
      );
    });

    it.each<[name: string, forge: () => [cursor: string, reason: string]]>([
      ['of another epoch', () => [`x${head}`, 'epoch']],
      ['of another epoch, with minuses', () => ['zzz--00-0-000000-1', 'epoch']],
      ['of an epoch cut short', () => [head.slice(1), 'epoch']],
      [
        'of this epoch ahead of the head',
        () => [
          `${epoch}-${head.split('-')[1]!.replaceAll(/./g, 'z')}`,
          'unknown',
        ],
      ],
      [
        'of this epoch a little ahead of the head',
        () => [head.replace(/.{4}$/, '1000'), 'unknown'],
      ],
    ])(
      'one of the right shape %s gives hub.reset that tells it',
      async (_name, forge) => {
        const [cursor, reason] = forge();
        for (const [path, options] of [
          ['/news', { lastEventId: cursor }],
          [`/news?lastEventId=${cursor}`, {}],
        ] as const) {
          const client = await SseTestClient.connect(
            app.app,
            `${path}`,
            options,
          );
          await expectReset(client, { reason, cursor });
        }
      },
    );

    it.each([
      ['one character more', () => `${head}0`],
      ['one character less', () => head.slice(0, -1)],
      ['minuses for a position', () => head.replace(/[^-]+$/, '-')],
    ])('one of this epoch with %s gives hub.reset', async (_name, forge) => {
      const client = await SseTestClient.connect(app.app, '/news', {
        lastEventId: forge(),
      });
      await expectReset(client, malformed);
    });

    it('given to somebody else shows what is for everyone, and no more', async () => {
      const ann = await SseTestClient.connect(app.app, '/news', {
        lastEventId: given,
        headers: { 'x-user': 'ann' },
      });
      const bob = await SseTestClient.connect(app.app, '/news', {
        lastEventId: given,
        headers: { 'x-user': 'bob' },
      });
      await app.hub.publish('news', { data: 'end' });
      for (const client of [ann, bob]) {
        await client.until(() =>
          client.events.some(({ data }) => data === 'end'),
        );
      }
      expect(ann.text).toContain('private');
      expect(bob.text).toContain('retained');
      expect(bob.text).not.toContain('private');
    });

    it('twice in the header is one that is none', async () => {
      const client = await WireClient.connect(app.port);
      client.socket.write(
        `GET /news HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${given}\r\nLast-Event-ID: ${given}\r\n\r\n`,
      );
      await client.untilTail('hub.reset');
      expect(readResponse(client.bytes).body).not.toContain('retained');
    });

    it.each([
      ['an object', 'lastEventId[a]=b'],
      ['a prototype', 'lastEventId[__proto__]=b&__proto__[lastEventId]=x'],
      ['an empty one', 'lastEventId='],
      ['none', 'lasteventid=x'],
    ])('%s in the query is none', async (_name, query) => {
      const client = await SseTestClient.connect(app.app, `/news?${query}`);
      expect(await client.next(() => true)).toMatchObject({
        type: 'hub.checkpoint',
        id: await app.hub.head(),
      });
    });

    it.each([['lastEventId=x&lastEventId=y'], ['lastEventId=&lastEventId=x']])(
      'several in the query (%s) give hub.reset',
      async (query) => {
        const client = await SseTestClient.connect(app.app, `/news?${query}`);
        await expectReset(client, malformed);
      },
    );

    it('in the header goes before one in the query', async () => {
      const client = await SseTestClient.connect(
        app.app,
        `/news?lastEventId=${given}`,
        {
          lastEventId: 'x',
        },
      );
      await expectReset(client, malformed);
    });
  });

  describe('as a header', () => {
    it.each<[name: string, path: string, headers: Record<string, string>]>([
      ['cursor', '/news', { 'Last-Event-ID': 'a'.repeat(MAX_HEADERS) }],
      ['other header', '/news', { 'X-Other': 'a'.repeat(MAX_HEADERS) }],
      ['query', `/news?lastEventId=${'a'.repeat(MAX_HEADERS)}`, {}],
      ['topic', `/rooms/${'a'.repeat(MAX_HEADERS)}`, {}],
    ])(
      'an oversized %s is answered 431 by Node',
      async (_name, path, headers) => {
        const client = await WireClient.get(app.port, path, headers);
        await client.until(() => client.closed);
        expect(client.bytes.toString('latin1')).toMatch(/^HTTP\/1\.1 431 /);
        await expectReset(
          await SseTestClient.connect(app.app, '/news', { lastEventId: 'x' }),
          malformed,
        );
      },
    );

    it.each([
      ['NUL', 'a\0b'],
      ['a lone CR', 'a\rb'],
      ['an escape', '\x1b[2J'],
      ['DEL', 'a\x7fb'],
    ])('%s is refused by Node or gives hub.reset', async (_name, text) => {
      const client = await WireClient.connect(app.port);
      client.socket.write(
        Buffer.from(
          `GET /news HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${text}\r\n\r\n`,
          'latin1',
        ),
      );
      await client.until(
        () => client.closed || client.tail.includes('hub.reset'),
      );
      const [response] = readResponses(client.bytes);
      expect([200, 400]).toContain(response!.status);
      expect(response!.body).not.toContain('retained');
    });

    it('a new line does not become a second cursor', async () => {
      const client = await WireClient.connect(app.port);
      client.socket.write(
        `GET /news HTTP/1.1\r\nHost: x\r\nLast-Event-ID: x\r\n ${given}\r\n\r\n`,
      );
      await client.until(
        () => client.closed || client.tail.includes('hub.reset'),
      );
      expect(client.bytes.toString()).not.toContain('retained');
    });
  });

  describe('as a topic', () => {
    it.each([
      '*',
      '**',
      '%2A',
      '%2A%2A',
      '%252A',
      'ann.*',
      '%2E%2E',
      'ann%00',
      'ann%20',
      '%20ann',
      'ann%0D%0A',
      'ann%2Fann',
      'ANN',
      'anna',
      'ann%E2%80%8B',
      '__proto__',
      'constructor',
    ])('%s opens no room of somebody else', async (name) => {
      const url = `${app.url}/rooms/${name}?lastEventId=${given}`;
      for (const user of [undefined, 'bob', '*', '**']) {
        const isTheirs = user === decodeURIComponent(name);
        const headers = { ...(user !== undefined && { 'x-user': user }) };
        if (isTheirs) {
          const client = await SseTestClient.connect(url, { headers });
          expect(client.status).toBe(200);
          await app.hub.publish(topic('rooms', 'ann'), { data: 'private' });
          await app.hub.publish(topic('rooms', user), { data: 'theirs' });
          expect((await client.next()).data).toBe('theirs');
        } else {
          const { status, body } = await answer(url, { headers });
          expect([403, 404]).toContain(status);
          expect(JSON.stringify(body)).not.toContain('private');
        }
      }
    });

    it('one that is too long is refused', async () => {
      const { status } = await answer(`${app.url}/rooms/${'a'.repeat(300)}`);
      expect([404, 414, 500]).toContain(status);
      expect(app.hub.connections()).toEqual([]);
    });

    it('one that is no percent-encoding is refused', async () => {
      expect((await answer(`${app.url}/rooms/%zz`)).status).toBe(400);
    });
  });
});
