import { Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SseTestClient } from 'nestjs-sse-hub/testing';
import { startStreams } from '../../sample/ticker/src/start.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { TickerApp } from './ticker.app.js';

describe('the ticker', () => {
  let app: TickerApp;
  const clients: SseTestClient[] = [];

  beforeAll(async () => {
    app = await TickerApp.create();
  });

  afterEach(() =>
    Promise.all(clients.splice(0).map((client) => client.close())),
  );

  afterAll(() => app.dispose());

  async function listen(url: string, headers?: Record<string, string>) {
    const client = await SseTestClient.connect(url, { headers });
    clients.push(client);
    return client;
  }

  const ask = (path: string, accept: string) =>
    fetch(app.url + path, { headers: { accept } });

  describe('GET /talk', () => {
    it('says something at once and again, with the time as id', async () => {
      const client = await listen(`${app.url}/talk`);
      const first = await client.next();
      const second = await client.next();
      expect(first.type).toBe('message');
      expect(new Date(first.id!).toISOString()).toBe(first.id);
      expect(first.data).toBe(`It is ${first.id}`);
      expect(second.id! > first.id!).toBe(true);
    });

    it('is the page for who does not ask for a stream', async () => {
      for (const accept of ['text/html,*/*;q=0.8', '*/*', '']) {
        const response = await ask('/talk', accept);
        expect(response.headers.get('content-type')).toContain('text/html');
        expect(response.headers.get('vary')).toContain('Accept');
        expect(await response.text()).toContain('<title>Ticker</title>');
      }
    });
  });

  describe('any other path', () => {
    it('is no stream: 404', async () => {
      const response = await ask('/other', 'text/event-stream');
      expect(response.status).toBe(404);
    });

    it('is the page, with a cookie for who has none', async () => {
      const response = await ask('/some/where', 'text/html');
      expect(response.status).toBe(200);
      expect(response.headers.getSetCookie()).toEqual([
        expect.stringMatching(
          /^visitor=[0-9a-f]{4};.*Path=\/;.*HttpOnly; SameSite=Lax$/,
        ),
      ]);
      const again = await fetch(`${app.url}/`, {
        headers: { cookie: 'visitor=ab12' },
      });
      expect(again.headers.getSetCookie()).toEqual([]);
    });
  });

  describe('GET /clock', () => {
    it('greets without a name, then tells the time by name', async () => {
      const client = await listen(`${app.streams}/clock`);
      await client.next('currentTime');
      const time = await client.next('currentTime');
      expect(client.received[0]).toMatchObject({
        type: 'message',
        data: 'hello from stream',
      });
      expect(new Date(time.data).toISOString()).toBe(time.data);
    });
  });

  describe('GET /updates', () => {
    it('has a counter that all share, and one of each connection', async () => {
      const first = await listen(`${app.streams}/updates`);
      await first.next(({ type, data }) => type === 'own' && data === 2);
      const second = await listen(`${app.streams}/updates`);
      expect((await second.next('own')).data).toBe(0);
      const shared = await second.next('shared');
      await first.until(() =>
        first.received.some(({ id }) => id === shared.id),
      );
      expect(first.received.find(({ id }) => id === shared.id)).toEqual(shared);
      expect(shared.data).toBeGreaterThanOrEqual(2);
    });

    it('knows the visitor by the cookie', async () => {
      const url = `${app.streams}/updates`;
      const known = await listen(url, { cookie: 'visitor=ab12' });
      expect((await known.next('visitor')).data).toBe('ab12');
      expect((await (await listen(url)).next('visitor')).data).toBe('nobody');
    });
  });

  describe('the streams of the other origin', () => {
    const allowedBy = async (origin: string) => {
      const { headers } = await listen(`${app.streams}/clock`, { origin });
      return headers;
    };

    it('may be heard by the page, with credentials', async () => {
      expect(await allowedBy(app.url)).toMatchObject({
        'access-control-allow-origin': app.url,
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
      });
    });

    it('may be heard by no other page', async () => {
      const headers = await allowedBy('https://evil.example');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    });

    it('show the page to who opens them in the address bar', async () => {
      const response = await fetch(`${app.streams}/clock`, {
        redirect: 'manual',
        headers: { accept: 'text/html' },
      });
      expect(response.status).toBe(303);
      expect(response.headers.get('location')).toBe(app.url);
    });
  });
});

describe('1,000 connections of the ticker', () => {
  const timers = () =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout')
      .length;
  let app: NestExpressApplication;

  // Each connection would be told of.
  beforeAll(() => Logger.overrideLogger(false));

  afterEach(() => app.close());

  it('leave no timer behind when they are gone', async () => {
    const port = await freePort();
    app = await startStreams(port, ['http://localhost']);
    const before = timers();
    const clients = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        SseTestClient.connect(
          `http://localhost:${port}/${i % 2 === 0 ? 'clock' : 'updates'}`,
        ),
      ),
    );
    await Promise.all(
      clients.map((client) =>
        client.until(() =>
          client.received.some(({ type }) => type !== 'hub.checkpoint'),
        ),
      ),
    );
    expect(timers()).toBeGreaterThanOrEqual(before + 1_000);
    await Promise.all(clients.map((client) => client.dropConnection()));
    await eventually(() => timers() <= before);
    expect(timers()).toBeLessThanOrEqual(before);
  });
});
