import { jest } from '@jest/globals';
import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  Headers,
  Post,
  Query,
  Sse as NestSse,
} from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import {
  Connection,
  EventHub,
  OnSseDisconnect,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import {
  SseTestClient,
  SseTestException,
  SseTestTimeoutException,
  closeSseTestClients,
} from 'nestjs-sse-hub/testing';
import { Observable, Subject, concatMap, delay, map, of } from 'rxjs';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { SlowLog } from './support/slow-log.js';

const source = new Subject<unknown>();
const left: string[] = [];

@Controller()
class TestController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['movies'], for: connection });
  }

  @Sse('later')
  later(@Connection() connection: SseConnection) {
    return this.events(connection).pipe(
      concatMap(async (event) => Promise.resolve(event)),
    );
  }

  @Sse('delayed')
  delayed(@Connection() connection: SseConnection) {
    return this.events(connection).pipe(delay(60_000));
  }

  @Sse('source')
  source(): Observable<unknown> {
    return source;
  }

  @Sse('closed')
  closed(@Connection() connection: SseConnection) {
    setImmediate(() => connection.close('enough'));
    return source;
  }

  @Sse('posted', { method: 1 })
  posted(@Body() body: object, @Headers('x-a') a: string) {
    return of({ ...body, a });
  }

  @Sse('forbidden')
  forbidden(@Query('why') why: string): Observable<never> {
    throw new ForbiddenException(why);
  }

  @NestSse('nest')
  nest() {
    return source.pipe(map((data) => ({ data: data as object })));
  }

  @Get('silent')
  silent() {
    return new Promise(() => {});
  }

  @Get('plain')
  plain() {
    return 'plain';
  }

  @Post('movies')
  movies(@Body() body: object) {
    void this.hub.publish('movies', { type: 'movie.added', data: body });
  }

  @OnSseDisconnect()
  left({ id }: SseConnection) {
    left.push(id);
  }
}

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
  left.length = 0;
});

describe.each(platforms)('SseTestClient on %s', (_, adapter) => {
  let app: INestApplication;
  let hub: EventHub;
  let url: string;

  beforeEach(async () => {
    ({ app, hub, url } = await startApp(adapter, {
      controllers: [TestController],
      options: { retry: 100 },
    }));
  });

  const connect = (path: string, options = {}) =>
    SseTestClient.connect(app, path, options);
  const publish = (type: string, data: unknown, options = {}) =>
    hub.publish('movies', { type, data, ...options });

  it('gives events in their order, each once', async () => {
    const client = await connect('/events');
    const { id } = await publish('added', { title: 'Alien' });
    await publish('text', 'Ran');

    expect(await client.next()).toEqual({
      id,
      type: 'added',
      data: { title: 'Alien' },
    });
    expect((await client.next()).data).toBe('Ran');
    await client.expectNone();
    expect(client.data).toEqual([{ title: 'Alien' }, 'Ran']);
    expect(client.status).toBe(200);
    expect(client.headers['content-type']).toBe('text/event-stream');
  });

  it('keeps what a type passes over for later calls', async () => {
    const client = await connect('/events');
    await publish('a', 1);
    await publish('b', 2);
    await publish('a', 3);

    expect((await client.next('b')).data).toBe(2);
    await expect(client.expectNone('a')).rejects.toThrow(SseTestException);
    expect((await client.next()).data).toBe(1);
    expect((await client.next(({ data }) => data > 2)).data).toBe(3);
    await client.expectNone();
  });

  it('shows notices to who asks for them', async () => {
    const client = await connect('/events');
    const { id } = await client.next('hub.checkpoint');

    expect(id).toBe(await hub.head());
    expect(client.lastEventId).toBe(id);
    await client.expectNone(() => true);
    await client.expectNone('hub.reset');
    await publish('added', 1);
    await client.expectNone(({ isNotice }) => isNotice);
  });

  it('gives the raw frame and the text of an event', async () => {
    const client = await connect('/events');
    const { id } = await publish('text', 'a\nb');

    const event = await client.next();
    expect(event.text).toBe('a\nb');
    expect(event.raw).toBe(`event: text\nid: ${id}\ndata: a\ndata: b\n\n`);
    expect(client.frames.at(-1)).toBe(event.raw);
    expect(client.text).toBe(client.frames.join(''));
    expect(client.frames[0]).toBe(`retry: ${client.retry}\n\n`);
    expect(client.retry).toBeGreaterThanOrEqual(100);
  });

  it('leaves nothing of its marks in what it shows', async () => {
    const client = await connect('/events');
    await client.settled();
    await client.expectNone();

    expect(client.comments).toEqual([]);
    expect(client.text).toMatch(
      /^retry: \d+\n\nevent: hub.checkpoint\nid: [^\n]+\ndata: \{\}\n\n$/,
    );
  });

  it('does not wait for what an operator holds back', async () => {
    const client = await connect('/delayed');
    await publish('added', 1);

    await client.expectNone();
  });

  it('says what came instead when it has waited for too long', async () => {
    const client = await connect('/events');
    await publish('added', { n: 1 });
    await client.next('added');
    await publish('other', { n: 2 });
    await client.settled();

    const error: unknown = await client
      .next('removed', { timeout: 50 })
      .catch((e) => e);
    expect(error).toBeInstanceOf(SseTestTimeoutException);
    const { message } = error as Error;
    expect(message).toMatch(
      /^Waited for an event "removed" on GET \/events \(200, is open\): it did not come, within 50 ms\.\n2 of the application's events have arrived, 1 of them were handed out before\.\nNot handed out:\n {2}other \(/,
    );
    expect(message).toContain(`Notices:\n  hub.checkpoint (`);
  });

  it('says so in real time, whatever a test fakes', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    try {
      const client = await connect('/events');
      await expect(client.next(undefined, { timeout: 50 })).rejects.toThrow(
        SseTestTimeoutException,
      );
    } finally {
      jest.useRealTimers();
    }
  });

  it('waits for as long as the call says', async () => {
    const client = await connect('/events', { timeout: Infinity });

    await expect(client.until(() => false, { timeout: 20 })).rejects.toThrow(
      'within 20 ms',
    );
    await expect(client.untilClosed({ timeout: 30 })).rejects.toThrow(
      'Waited for the end of the stream on GET /events (200, is open): it did not come, within 30 ms.',
    );
    await publish('added', 1);
    expect((await client.next('added', { timeout: Infinity })).data).toBe(1);
  });

  it('says so when there is no answer', async () => {
    await expect(connect('/silent', { timeout: 50 })).rejects.toThrow(
      'Waited for the head of the response on GET /silent (not answered): it did not come, within 50 ms.',
    );
  });

  it('says what it takes to know where the stream is', async () => {
    await expect(SseTestClient.connect('/events')).rejects.toThrow(
      '"/events" is no URL. A path needs the application: SseTestClient.connect(app, "/events")',
    );
    await expect(connect('events')).rejects.toThrow(
      'The path "events" has to begin with a slash',
    );
  });

  it('fails as the socket does when nobody listens', async () => {
    const client = await connect('/events');
    await app.close();

    await expect(client.reconnect()).rejects.toThrow('ECONNREFUSED');
    expect(client.status).toBe(0);
  });

  it('gives up at once when the stream is over', async () => {
    const client = await connect('/closed', { timeout: 600_000 });

    await expect(client.next()).rejects.toThrow(
      'GET /closed (200, was closed by the server (hub.closed, enough)): it did not come, and the stream is over',
    );
    expect(client.closed).toEqual({
      how: 'closed',
      reason: 'enough',
      clean: true,
    });
    await client.expectNone();
  });

  it.each(['forbidden?why=no', 'nothing'])(
    'takes the answer of %s for one',
    async (path) => {
      const client = await connect(`/${path}`);

      const status = path === 'nothing' ? 404 : 403;
      expect(client.status).toBe(status);
      expect(client.body).toMatchObject({ statusCode: status });
      expect(client.closed).toEqual({ how: 'ended', clean: true });
      await expect(client.next()).rejects.toThrow(
        new RegExp(`\\(${status}, no stream: .*"statusCode":${status}`),
      );
      for (const asked of [client.settled(), client.expectNone()]) {
        await expect(asked).rejects.toThrow(
          'nothing can arrive. Assert on its "status" and "body"',
        );
      }
    },
  );

  it('gives the body of an answer that is no JSON as text', async () => {
    expect((await connect('/plain')).body).toBe('plain');
  });

  it('sends headers and a body', async () => {
    const client = await connect('/posted', {
      headers: { 'X-A': 'b' },
      body: { title: 'Ran' },
    });

    expect((await client.next()).data).toEqual({ title: 'Ran', a: 'b' });
    expect(await client.untilClosed()).toEqual({
      how: 'complete',
      clean: true,
    });
    await client.close();
    expect(client.closed?.how).toBe('complete');
  });

  it('comes back by its cursor and misses nothing', async () => {
    const client = await connect('/events');
    await publish('added', 1);
    await client.settled();
    await client.dropConnection();
    expect(client.closed).toEqual({ how: 'dropped', clean: false });
    await publish('added', 2);
    await client.reconnect();
    await publish('added', 3);

    for (const n of [1, 2, 3]) {
      expect((await client.next()).data).toBe(n);
    }
    expect(client.closed).toBeUndefined();
    expect(client.resets).toEqual([]);
    await client.expectNone();
  });

  it('drops a connection so that the server knows', async () => {
    const client = await connect('/events');
    const { id } = hub.connections()[0]!;
    await client.dropConnection();

    expect(hub.connections()).toEqual([]);
    expect(left).toEqual([id]);
  });

  it('comes with a cursor that does not hold, and is told', async () => {
    const client = await connect('/events', { lastEventId: 'ä' });

    expect(client.resets).toEqual([{ reason: 'malformed', cursor: null }]);
    expect((await client.next('hub.reset')).id).toBe(client.lastEventId);
  });

  it('is told of the end by the application that closes', async () => {
    const client = await connect('/events');
    await app.close();

    expect(await client.untilClosed()).toEqual({ how: 'ended', clean: true });
  });

  it('sees that it was cut', async () => {
    const client = await connect('/source');
    app.getHttpServer().closeAllConnections();

    expect(await client.untilClosed()).toEqual({ how: 'cut', clean: false });
  });

  it('reads streams of a URL, of which it does not know what is on its way', async () => {
    const client = await SseTestClient.connect(`${url}/events?x`);
    await publish('added', 1);

    expect((await client.next()).data).toBe(1);
    await expect(client.expectNone()).rejects.toThrow(
      'A client of a URL cannot know',
    );
  });

  it('reads the streams of Nest, of which it does not know either', async () => {
    const client = await connect('/nest');
    source.next({ n: 1 });

    expect((await client.next()).data).toEqual({ n: 1 });
    await expect(client.settled()).rejects.toThrow(
      'GET /nest (200, is open) is no stream of @Sse() from nestjs-sse-hub',
    );
  });

  it('waits for a condition', async () => {
    const client = await connect('/events');
    const three = client.until(() => client.events.length === 3);
    for (const n of [1, 2, 3]) {
      await publish('added', n);
    }
    await three;
    expect(client.data).toEqual([1, 2, 3]);
  });

  it('waits for no condition on a stream that is over, unless it holds', async () => {
    const client = await connect('/closed');

    await client.until(() => client.closed !== undefined);
    await expect(client.until(() => false)).rejects.toThrow(
      'on GET /closed (200, was closed by the server (hub.closed, enough)): it did not come, and the stream is over',
    );
  });

  it('is closed with the others, and by its scope', async () => {
    {
      await using client = await connect('/events');
      expect(client.closed).toBeUndefined();
    }
    expect(hub.connections()).toHaveLength(0);
    await Promise.all([connect('/events'), connect('/source')]);
    expect(hub.connections()).toHaveLength(2);
    await closeSseTestClients();
    expect(hub.connections()).toHaveLength(0);
  });
});

describe.each(platforms)('What was published, on %s', (_, adapter) => {
  let app: INestApplication;
  let hub: EventHub;

  beforeEach(async () => {
    ({ app, hub } = await startApp(adapter, {
      controllers: [TestController],
      options: { log: new SlowLog() },
    }));
  });

  const publish = (data: unknown, options = {}) =>
    hub.publish('movies', { type: 'added', data, ...options });

  it.each(['/events', '/later'])('has arrived at %s', async (path) => {
    const client = await SseTestClient.connect(app, path);
    await publish('first');
    await publish('second');

    await expect(client.expectNone('added')).rejects.toThrow(
      /^Expected no event "added".*there is one:\n {2}added \(.*\): first\n/,
    );
    expect(client.data).toEqual(['first', 'second']);
  });

  it('has arrived also if nobody waited', async () => {
    const client = await SseTestClient.connect(app, '/events');
    void publish('entry');
    void publish('signal', { ephemeral: true });
    await client.settled();

    expect(client.data.map(String).toSorted()).toEqual(['entry', 'signal']);
  });

  it('has arrived if it is ephemeral, and not if it is for others', async () => {
    const client = await SseTestClient.connect(app, '/events');
    await publish('for everyone', { ephemeral: true });
    await client.settled();
    expect(client.data).toEqual(['for everyone']);

    await publish('for ann', { users: ['ann'] });
    await client.expectNone(({ data }) => data === 'for ann');
  });

  it('has arrived if a long replay is in between', async () => {
    const cursor = await hub.head();
    const numbers = Array.from({ length: 3000 }, (_, n) => n);
    await Promise.all(
      numbers.map((n) => publish({ n, text: 'x'.repeat(2048) })),
    );
    const first = await SseTestClient.connect(app, '/events');
    await first.settled();
    const client = await SseTestClient.connect(app, '/events', {
      lastEventId: cursor,
    });
    await client.settled();

    expect(client.data.map(({ n }) => n as number)).toEqual(numbers);
  });
});

describe.each(platforms)('An app on %s that does not listen', (_, adapter) => {
  it('is made to, once', async () => {
    const { app } = await startApp(adapter, {
      controllers: [TestController],
      listens: false,
    });
    const clients = await Promise.all([
      SseTestClient.connect(app, '/events'),
      SseTestClient.connect(app, '/events'),
    ]);

    await app.get(EventHub).publish('movies', { data: 1 });
    for (const client of clients) {
      expect((await client.next()).data).toBe(1);
    }
    expect(app.getHttpServer().address().address).toBe('127.0.0.1');
  });
});
