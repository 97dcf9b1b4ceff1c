import { Controller, UnauthorizedException } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { NEVER } from 'rxjs';
import {
  Connection,
  EventHub,
  InvalidLeaseException,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import { CaughtErrors } from '../support/caught-errors.js';
import { driveClock, releaseClock } from '../support/driven-clock.js';
import type { DrivenClock } from '../support/driven-clock.js';
import { eventually } from '../support/eventually.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

let clock: DrivenClock;

beforeEach(() => {
  clock = driveClock();
});

afterEach(async () => {
  releaseClock();
  await closeSseTestClients();
  await closeApps();
});

/** A lease that ends late in the next second; its stream ends with those of all of that second. */
function shortLease(): number {
  return secondOf(Date.now() + 1_000) + 900;
}

/** The clock comes to the second in which a lease ends. */
function reachSecondOf(until: number): void {
  clock.advance(secondOf(until) - Date.now());
}

const secondOf = (time: number): number => Math.floor(time / 1_000) * 1_000;

describe.each(platforms)('The lease of a connection, on %s', (_, adapter) => {
  let handled: number;
  /** When streams ended, by the server's clock. */
  let endedAt: number[];
  let openGate: () => void;
  let gate: Promise<void>;

  beforeEach(() => {
    handled = 0;
    endedAt = [];
    gate = new Promise((resolve) => (openGate = resolve));
  });

  afterEach(() => openGate());

  @Controller()
  class LeasedController {
    constructor(private readonly hub: EventHub) {}

    @Sse('events')
    events(@Connection() connection: SseConnection) {
      this.#watch(connection);
      return this.hub.stream({ topics: ['news'], for: connection });
    }

    @Sse('silent')
    silent(@Connection() connection: SseConnection) {
      this.#watch(connection);
      return NEVER;
    }

    @Sse('gated')
    async gated(@Connection() connection: SseConnection) {
      this.#watch(connection);
      await gate;
      return this.hub.stream({ topics: ['news'], for: connection });
    }

    #watch({ signal }: SseConnection): void {
      handled++;
      signal.addEventListener('abort', () => endedAt.push(Date.now()));
    }
  }

  /** The user is the JSON in `x-user`. */
  async function start(options: SseModuleOptions = {}) {
    let caught!: CaughtErrors;
    const running = await startApp(adapter, {
      controllers: [LeasedController],
      options: {
        user: (context) => {
          const { headers } = context.switchToHttp().getRequest<{
            headers: Record<string, string | undefined>;
          }>();
          const user = headers['x-user'];
          return user === undefined ? undefined : (JSON.parse(user) as unknown);
        },
        ...options,
      },
      configure: (app: INestApplication) => (caught = new CaughtErrors(app)),
    });
    return { ...running, caught };
  }

  const as = (user: unknown) => ({
    headers: { 'x-user': JSON.stringify(user) },
  });

  it('ends its stream, never after it, with hub.closed and cleanly: a hub stream, another, and one that is not open yet', async () => {
    const { app } = await start({
      leaseUntil: (user: { until: number }) => new Date(user.until),
    });
    const until = shortLease();
    const connecting = ['events', 'silent', 'gated'].map((path) =>
      SseTestClient.connect(app, `/${path}`, as({ until })),
    );
    await eventually(() => handled === connecting.length);
    expect(endedAt).toEqual([]);
    reachSecondOf(until);
    const clients = await Promise.all(connecting);
    for (const client of clients) {
      expect((await client.next('hub.closed')).data).toEqual({
        reason: 'expired',
      });
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.status).toBe(200);
    }
    expect(endedAt).toHaveLength(clients.length);
    expect(Math.max(...endedAt)).toBeLessThanOrEqual(until);
  });

  it('is by default what `exp` of a JWT says, in seconds', async () => {
    const { app, hub } = await start();
    const until = shortLease();
    const client = await SseTestClient.connect(
      app,
      '/events',
      as({ sub: 'ann', exp: until / 1000 }),
    );
    await hub.publish('news', { data: 'in time' });
    expect((await client.next()).data).toBe('in time');
    reachSecondOf(until);
    await client.next('hub.closed');
    expect(endedAt[0]).toBeLessThanOrEqual(until);
  });

  it('has no end without one, and is nobody else’s', async () => {
    const { app, hub } = await start();
    const unlimited = [
      await SseTestClient.connect(app, '/events'),
      await SseTestClient.connect(app, '/events', as({ sub: 'bob' })),
      await SseTestClient.connect(
        app,
        '/events',
        as({ sub: 'cem', exp: null }),
      ),
      await SseTestClient.connect(
        app,
        '/events',
        as({ sub: 'dee', exp: Date.now() / 1000 + 40 * 24 * 3600 }),
      ),
    ];
    const until = shortLease();
    const limited = await SseTestClient.connect(
      app,
      '/events',
      as({ sub: 'ann', exp: until / 1000 }),
    );
    reachSecondOf(until);
    await limited.next('hub.closed');
    await eventually(() => hub.connections().length === unlimited.length);
    await hub.publish('news', { data: 'still here' });
    for (const client of unlimited) {
      expect((await client.next()).data).toBe('still here');
    }
    expect(endedAt).toHaveLength(1);
  });

  it('that was renewed: the client comes back and has missed nothing', async () => {
    const until = shortLease();
    const leases = [until, until + 3_600_000];
    const { app, hub } = await start({
      leaseUntil: () => new Date(leases.shift()!),
    });
    const client = await SseTestClient.connect(
      app,
      '/events',
      as({ id: 'ann' }),
    );
    await hub.publish('news', { data: 1 });
    await client.next();
    reachSecondOf(until);
    await client.next('hub.closed');
    await client.untilClosed();
    await hub.publish('news', { data: 2 });
    await client.reconnect();
    await hub.publish('news', { data: 3 });
    await client.until(() => client.data.length === 3);
    expect(client.data).toEqual([1, 2, 3]);
  });

  it.each([
    ['for a second', Date.now() / 1000 - 1],
    ['since 1970', 0],
    ['before', -5],
  ])(
    'that is over already (%s): a head and hub.closed, and no handler',
    async (_name, exp) => {
      const { app, hub } = await start();
      const client = await SseTestClient.connect(
        app,
        '/events',
        as({ id: 'ann', exp }),
      );
      expect(client.status).toBe(200);
      expect(client.headers['content-type']).toBe('text/event-stream');
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.received).toEqual([
        { type: 'hub.closed', id: undefined, data: { reason: 'expired' } },
      ]);
      expect(client.text.match(/^retry:/gm)).toHaveLength(1);
      expect(handled).toBe(0);
      expect(hub.connections()).toHaveLength(0);
    },
  );

  it.each([
    ['an invalid Date', () => new Date(NaN)],
    ['a number', () => Date.now() as never],
    ['a promise', () => Promise.resolve(new Date()) as never],
  ])('that is %s is an error of the request', async (_name, leaseUntil) => {
    const { url, hub, caught } = await start({ leaseUntil });
    const { status, body } = await answer(`${url}/events`, as({ id: 'ann' }));
    expect(status).toBe(500);
    expect(body).toEqual({ statusCode: 500, message: 'Internal server error' });
    expect(caught.errors[0]).toBeInstanceOf(InvalidLeaseException);
    expect(handled).toBe(0);
    expect(hub.connections()).toHaveLength(0);
  });

  it.each([
    ['text', String(Math.ceil(Date.now() / 1000) + 3_600)],
    ['a Date as JSON has it', new Date(Date.now() + 3_600_000)],
    ['milliseconds', Date.now() + 3_600_000],
  ])('that `exp` gives as %s is an error, not endless', async (_name, exp) => {
    const { url, hub, caught } = await start();
    const user = as({ sub: 'ann', exp });
    expect((await answer(`${url}/events`, user)).status).toBe(500);
    expect(caught.errors[0]).toBeInstanceOf(InvalidLeaseException);
    expect(handled).toBe(0);
    expect(hub.connections()).toHaveLength(0);
  });

  it('may be refused: what leaseUntil throws is the answer', async () => {
    const { url } = await start({
      leaseUntil: () => {
        throw new UnauthorizedException();
      },
    });
    const { status } = await answer(`${url}/events`, as({ id: 'ann' }));
    expect(status).toBe(401);
    expect(handled).toBe(0);
  });

  it('is not kept after the stream: nothing happens when it ends', async () => {
    const { app } = await start();
    const until = shortLease();
    const user = as({ id: 'ann', exp: until / 1000 });
    const left = await SseTestClient.connect(app, '/events', user);
    await left.dropConnection();
    const stays = await SseTestClient.connect(app, '/events', user);
    reachSecondOf(until);
    await stays.next('hub.closed');
    expect(left.received.map(({ type }) => type)).not.toContain('hub.closed');
    expect(endedAt).toHaveLength(2);
  });
});
