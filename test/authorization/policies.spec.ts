import {
  Controller,
  HttpException,
  Injectable,
  Logger,
  Query,
  Scope,
  UseGuards,
} from '@nestjs/common';
import type { INestApplication, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { jest } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Observable } from 'rxjs';
import { BehaviorSubject, catchError, of, retry, switchMap } from 'rxjs';
import {
  Connection,
  EventHub,
  InvalidStreamException,
  InvalidTopicPolicyException,
  Sse,
  SseConnection,
  SseModule,
  TopicForbiddenException,
  TopicPolicy,
  topic,
} from 'nestjs-sse-hub';
import type {
  ConnectionInfo,
  SseModuleOptions,
  TopicAuthorizer,
} from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import { CaughtErrors } from '../support/caught-errors.js';
import { eventually } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import type { HeaderUser } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { WireClient, destroyWireClients } from '../support/wire-client.js';

type CanSubscribe = (
  user: HeaderUser | undefined,
  topic: string,
  connection: ConnectionInfo,
) => unknown;

afterEach(async () => {
  await closeSseTestClients();
  destroyWireClients();
  await closeApps();
});

/** A provider that answers for topics. */
function policy(patterns: string | string[], canSubscribe: CanSubscribe): Type {
  @Injectable()
  @TopicPolicy(patterns)
  class Policy {
    canSubscribe = canSubscribe;
  }
  return Policy;
}

/** A policy that says `true` and keeps what it was asked. */
function asking(patterns: string | string[]) {
  const asked: string[] = [];
  const provider = policy(patterns, (_, name) => {
    asked.push(name);
    return true;
  });
  return { provider, asked };
}

const owner: CanSubscribe = (user, name) =>
  name === topic('users', user?.id ?? 'nobody');

const textsOf = (client: SseTestClient): string[] =>
  client.events.map(({ data }) => data);

describe.each(platforms)('A topic policy on %s', (_, adapter) => {
  let names: BehaviorSubject<string>;
  let connections: SseConnection[];

  beforeEach(() => {
    names = new BehaviorSubject('news');
    connections = [];
  });

  @UseGuards(HeaderUserGuard)
  @Controller()
  class StreamsController {
    constructor(private readonly hub: EventHub) {}

    @Sse('events')
    events(
      @Connection() connection: SseConnection,
      @Query('topics') topics?: string,
      @Query('patterns') patterns?: string,
    ) {
      return this.#stream(connection, topics, patterns);
    }

    @Sse('mine')
    mine(@Connection() connection: SseConnection<HeaderUser>) {
      return this.#stream(connection, topic('users', connection.user.id));
    }

    @Sse('stubborn')
    stubborn(
      @Connection() connection: SseConnection,
      @Query('topics') topics: string,
    ): Observable<unknown> {
      return this.#stream(connection, topics).pipe(
        retry(),
        catchError(() => of('hidden')),
      );
    }

    @Sse('switched')
    switched(@Connection() connection: SseConnection) {
      connections.push(connection);
      return names.pipe(switchMap((name) => this.#stream(connection, name)));
    }

    #stream(connection: SseConnection, topics?: string, patterns?: string) {
      return this.hub.stream({
        topics: topics?.split(',') ?? [],
        patterns: patterns?.split(',') ?? [],
        rewind: 'all',
        for: connection,
      });
    }
  }

  async function start(
    providers: Type[] = [],
    options: SseModuleOptions = {},
    more: any[] = [],
  ) {
    let caught!: CaughtErrors;
    const running = await startApp(adapter, {
      controllers: [StreamsController],
      providers: [...providers, ...more],
      options,
      configure: (app: INestApplication) => (caught = new CaughtErrors(app)),
    });
    const { url } = running;
    return {
      ...running,
      caught,
      topics: (...names: string[]) =>
        `${url}/events?topics=${encodeURIComponent(names.join(','))}`,
      patterns: (...names: string[]) =>
        `${url}/events?patterns=${encodeURIComponent(names.join(','))}`,
    };
  }

  const as = (user: string) => ({ headers: { 'x-user': user } });

  /** Refused as JSON, and without a trace. */
  async function expectForbidden(url: string, hub: EventHub, name: string) {
    const { status, headers, body } = await answer(url);
    expect(status).toBe(403);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(body).toEqual({
      statusCode: 403,
      error: 'Forbidden',
      message: expect.stringContaining(`"${name}"`),
    });
    expect(hub.connections()).toEqual([]);
  }

  it('that says true lets the stream start, live and from history', async () => {
    const { hub, topics } = await start([policy('orders.*', () => true)]);
    await hub.publish('orders.1', { data: 'retained' });
    const client = await SseTestClient.connect(topics('orders.1'));
    await hub.publish('orders.1', { data: 'live' });
    await client.until(() => client.events.length === 2);
    expect(textsOf(client)).toEqual(['retained', 'live']);
  });

  it('is asked with the user, the topic and the connection', async () => {
    const asked: unknown[] = [];
    const { hub, topics } = await start([
      policy('orders.*', (...given) => {
        asked.push(given.slice(0, 2));
        expect(given[2].user).toBe(given[0]);
        expect(given[2].lastEventId).toBe('x');
        return true;
      }),
    ]);
    await SseTestClient.connect(topics('orders.1'), {
      ...as('ann'),
      lastEventId: 'x',
    });
    await SseTestClient.connect(topics('orders.2'), { lastEventId: 'x' });
    expect(asked).toEqual([
      [{ id: 'ann', roles: [] }, 'orders.1'],
      [undefined, 'orders.2'],
    ]);
    expect(hub.connections()).toHaveLength(2);
  });

  it.each<[name: string, says: () => unknown]>([
    ['false', () => false],
    ['a promise of false', async () => false],
    ['nothing', () => undefined],
    ['a promise of nothing', async () => undefined],
    ['1', () => 1],
    ['an observable of true', () => of(true)],
    ['an object', () => ({ allowed: true })],
    ['"true"', async () => 'true'],
  ])('that says %s answers 403 before the head', async (_name, says) => {
    const { hub, topics, caught } = await start([policy('orders.*', says)]);
    await expectForbidden(topics('orders.1'), hub, 'orders.1');
    expect(caught.errors).toEqual([expect.any(TopicForbiddenException)]);
    expect((caught.errors[0] as TopicForbiddenException).topic).toBe(
      'orders.1',
    );
  });

  it('lets each user have what is theirs', async () => {
    const { app, hub, topics } = await start([policy('users.*', owner)]);
    const ann = await SseTestClient.connect(topics('users.ann'), as('ann'));
    expect((await answer(topics('users.ann'), as('bob'))).status).toBe(403);
    expect((await answer(topics('users.ann'))).status).toBe(403);
    const bob = await SseTestClient.connect(app, '/mine', as('bob'));
    await hub.publish('users.ann', { data: 'to ann' });
    await hub.publish('users.bob', { data: 'to bob' });
    expect((await ann.next()).data).toBe('to ann');
    expect((await bob.next()).data).toBe('to bob');
  });

  it('keeps a user whose id is a wildcard to their own topic', async () => {
    const { app, hub, topics, patterns } = await start([
      policy('users.*', owner),
    ]);
    for (const id of ['*', '**']) {
      const client = await SseTestClient.connect(app, '/mine', as(id));
      await hub.publish('users.ann', { data: 'to ann' });
      await hub.publish(topic('users', id), { data: `to ${id}` });
      expect((await client.next()).data).toBe(`to ${id}`);
      expect((await answer(patterns(`users.${id}`), as(id))).status).toBe(403);
      expect((await answer(topics(`users.${id}`), as(id))).status).toBe(500);
    }
  });

  it('that takes its time holds the head back, and nothing else', async () => {
    let decide!: (verdict: boolean) => void;
    const verdict = new Promise<boolean>((resolve) => (decide = resolve));
    let asked = 0;
    const { hub, topics } = await start([
      policy('slow.*', () => {
        asked++;
        return verdict;
      }),
    ]);
    await hub.publish('slow.1', { data: 'retained' });
    const slow = SseTestClient.connect(topics('slow.1'));
    await eventually(() => asked === 1);
    const other = await SseTestClient.connect(topics('other'));
    await hub.publish('slow.1', { data: 'meanwhile' });
    await hub.publish('other', { data: 'live' });
    expect((await other.next()).data).toBe('live');
    expect(hub.connections()).toHaveLength(1);
    decide(true);
    const client = await slow;
    await client.until(() => client.events.length === 2);
    expect(textsOf(client)).toEqual(['retained', 'meanwhile']);
  });

  it('that throws an HttpException answers with that', async () => {
    const gone = () => {
      throw new HttpException({ message: 'Sold out', code: 7 }, 410);
    };
    const { hub, topics } = await start([
      policy('sync', gone),
      policy('async', async () => gone()),
    ]);
    for (const name of ['sync', 'async']) {
      const { status, body } = await answer(topics(name));
      expect(status).toBe(410);
      expect(body).toEqual({ message: 'Sold out', code: 7 });
    }
    expect(hub.connections()).toEqual([]);
  });

  it('that throws anything else answers 500 through the filters, without a word of it', async () => {
    const broken = () => {
      throw new Error('password of the database');
    };
    const { hub, topics, caught } = await start([
      policy('sync', broken),
      policy('async', async () => broken()),
    ]);
    for (const name of ['sync', 'async']) {
      const { status, body } = await answer(topics(name));
      expect(status).toBe(500);
      expect(body).toEqual({
        statusCode: 500,
        message: 'Internal server error',
      });
    }
    expect(caught.errors.map(({ message }) => message)).toEqual([
      'password of the database',
      'password of the database',
    ]);
    expect(hub.connections()).toEqual([]);
  });

  it('that fails behind one that has refused does not end the process', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    try {
      let fail!: (error: Error) => void;
      const failing = new Promise((_resolve, reject) => (fail = reject));
      const { hub, topics } = await start([
        policy('late', () => failing),
        policy('sync', () => false),
      ]);
      await expectForbidden(topics('late', 'sync'), hub, 'sync');
      fail(new Error('late'));
      // Node tells behind the microtasks of a turn.
      await nextTurn();
      await nextTurn();
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', listener);
    }
  });

  describe('that never answers', () => {
    const hanging = policy('hanging.*', () => new Promise(() => undefined));

    it('lets the client come back: head, retry, hub.closed and a clean end', async () => {
      const { hub, topics } = await start([hanging], {
        authorizationTimeout: 20,
      });
      await hub.publish('hanging.1', { data: 'secret' });
      const client = await SseTestClient.connect(topics('hanging.1'));
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.status).toBe(200);
      expect(client.text.match(/^retry:/gm)).toHaveLength(1);
      expect(client.received).toEqual([
        { type: 'hub.closed', id: undefined, data: { reason: 'unavailable' } },
      ]);
      expect(hub.connections()).toEqual([]);
    });

    it('does not keep another policy from refusing at once', async () => {
      const { hub, topics } = await start([
        hanging,
        policy('hanging.1', async () => false),
        policy('sync', () => false),
      ]);
      await expectForbidden(topics('hanging.1'), hub, 'hanging.1');
      await expectForbidden(topics('hanging.2', 'sync'), hub, 'sync');
    });

    it('does not keep the app from closing', async () => {
      let asked = 0;
      const { app, topics } = await start([
        policy('hanging.*', () => {
          asked++;
          return new Promise(() => undefined);
        }),
      ]);
      const connecting = SseTestClient.connect(topics('hanging.1'));
      await eventually(() => asked === 1);
      await app.close();
      const client = await connecting;
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.status).toBe(200);
      expect(client.events).toEqual([]);
    });

    it('leaves nothing behind when the client leaves, and writes nothing when it answers then', async () => {
      let decide!: (verdict: boolean) => void;
      const verdict = new Promise<boolean>((resolve) => (decide = resolve));
      const signals: AbortSignal[] = [];
      const { hub, port, topics, caught } = await start([
        policy('slow.*', (_user, _name, connection) => {
          signals.push((connection as SseConnection).signal);
          return verdict;
        }),
      ]);
      const leaving = await WireClient.get(port, '/events?topics=slow.1');
      await eventually(() => signals.length === 1);
      leaving.socket.destroy();
      await eventually(() => signals[0]!.aborted);
      decide(true);
      // What comes later on the same loop has its turn behind what was decided.
      const client = await SseTestClient.connect(topics('other'));
      await hub.publish('slow.1', { data: 'late' });
      await hub.publish('other', { data: 'live' });
      expect((await client.next()).data).toBe('live');
      expect(hub.connections()).toHaveLength(1);
      expect(caught.errors).toEqual([]);
    });
  });

  it('is final: a handler that tries again or recovers does not ask twice, nor hide it', async () => {
    let asked = 0;
    const { url, hub } = await start([
      policy('orders.*', async () => {
        asked++;
        return false;
      }),
      policy('sync', () => {
        asked++;
        return false;
      }),
    ]);
    await expectForbidden(`${url}/stubborn?topics=sync`, hub, 'sync');
    expect(asked).toBe(1);
    await expectForbidden(`${url}/stubborn?topics=orders.1`, hub, 'orders.1');
    expect(asked).toBe(2);
  });

  describe('for another stream on an open connection', () => {
    it('is asked, and ends the response behind hub.error if it refuses', async () => {
      const { app, hub } = await start([policy('users.*', owner)]);
      const client = await SseTestClient.connect(app, '/switched', as('ann'));
      await hub.publish('users.bob', { data: 'to bob' });
      names.next('users.ann');
      await hub.publish('users.ann', { data: 'to ann' });
      expect((await client.next()).data).toBe('to ann');
      names.next('users.bob');
      expect((await client.next('hub.error')).text).toContain('users.bob');
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.text).not.toContain('to bob');
      expect(hub.connections()).toEqual([]);
    });

    it('ends it with hub.closed if it never answers', async () => {
      const { app, hub } = await start(
        [policy('users.*', () => new Promise(() => undefined))],
        { authorizationTimeout: 20 },
      );
      const client = await SseTestClient.connect(app, '/switched');
      await hub.publish('news', { data: 'one' });
      await client.next();
      names.next('users.ann');
      expect((await client.next('hub.closed')).data).toEqual({
        reason: 'unavailable',
      });
      expect((await client.untilClosed()).clean).toBe(true);
      expect(hub.connections()).toEqual([]);
    });
  });

  describe('asked again while the stream is open', () => {
    it('answers at once what it knows at once, and leaves the stream to who asks', async () => {
      let allowed = true;
      const { app, hub } = await start([policy('news', () => allowed)]);
      const client = await SseTestClient.connect(app, '/switched');
      const [connection] = connections;
      expect(connection!.authorize()).toBeUndefined();
      allowed = false;
      expect(() => connection!.authorize()).toThrow(TopicForbiddenException);
      await hub.publish('news', { data: 'one' });
      expect((await client.next()).data).toBe('one');
    });

    it('answers later what it must look up', async () => {
      let allowed = true;
      const { app } = await start([policy('news', async () => allowed)]);
      await SseTestClient.connect(app, '/switched');
      const [connection] = connections;
      await expect(connection!.authorize()).resolves.toBeUndefined();
      allowed = false;
      await expect(connection!.authorize()).rejects.toThrow(
        TopicForbiddenException,
      );
    });

    it('is not, where there is none', async () => {
      const { app } = await start();
      await SseTestClient.connect(app, '/switched');
      expect(connections[0]!.authorize()).toBeUndefined();
    });
  });

  describe('is one of several', () => {
    it('of which every one that matches must say true', async () => {
      const verdicts = { wide: true, narrow: true };
      const { hub, topics } = await start([
        policy('orders.**', () => verdicts.wide),
        policy(['*.1', 'other'], async () => verdicts.narrow),
      ]);
      await SseTestClient.connect(topics('orders.1'));
      verdicts.narrow = false;
      expect((await answer(topics('orders.1'))).status).toBe(403);
      await SseTestClient.connect(topics('orders.2'));
      verdicts.narrow = true;
      verdicts.wide = false;
      expect((await answer(topics('orders.1'))).status).toBe(403);
      await SseTestClient.connect(topics('other'));
      expect(hub.connections()).toHaveLength(3);
    });

    it('which are asked in parallel, each once a topic', async () => {
      const asked: string[] = [];
      let decide!: (verdict: boolean) => void;
      const verdict = new Promise<boolean>((resolve) => (decide = resolve));
      const { topics, hub } = await start([
        policy(['orders.*', '*.1', '**'], (_user, name) => {
          asked.push(`one ${name}`);
          return verdict;
        }),
        policy('*.2', (_user, name) => {
          asked.push(`two ${name}`);
          return verdict;
        }),
      ]);
      const connecting = SseTestClient.connect(
        topics('orders.1', 'orders.2', 'orders.1'),
      );
      await eventually(() => asked.length >= 3);
      decide(true);
      await connecting;
      expect(asked.toSorted()).toEqual([
        'one orders.1',
        'one orders.2',
        'two orders.2',
      ]);
      expect(hub.connections()).toHaveLength(1);
    });

    it('for several topics, of which one forbidden forbids the stream', async () => {
      const { hub, topics } = await start([policy('users.*', owner)]);
      await expectForbidden(topics('news', 'users.ann'), hub, 'users.ann');
    });
  });

  describe('of a requested pattern', () => {
    it('that it covers is asked with the pattern as it was written', async () => {
      const { provider, asked } = asking(['never', 'orders.**']);
      const { hub, patterns } = await start([provider]);
      const client = await SseTestClient.connect(
        patterns('orders.*', 'orders.1.**'),
      );
      await hub.publish('orders.1', { data: 'one' });
      expect((await client.next()).data).toBe('one');
      expect(asked).toEqual(['orders.*', 'orders.1.**']);
    });

    it('that it covers in part only is not enough, and is not asked', async () => {
      const { provider, asked } = asking('orders.*');
      const { hub, patterns } = await start([provider]);
      await expectForbidden(patterns('orders.**'), hub, 'orders.**');
      await expectForbidden(patterns('*.1'), hub, '*.1');
      await expectForbidden(patterns('**'), hub, '**');
      expect(asked).toEqual([]);
    });

    it('that others cover is asked if a topic could be one of its own', async () => {
      const wide = asking('**');
      const refused: string[] = [];
      const { hub, patterns } = await start([
        wide.provider,
        policy('orders.*.secrets', (_user, name) => {
          refused.push(name);
          return false;
        }),
      ]);
      await expectForbidden(patterns('orders.**'), hub, 'orders.**');
      await expectForbidden(patterns('**.secrets'), hub, '**.secrets');
      await expectForbidden(patterns('*.*.*'), hub, '*.*.*');
      expect(refused).toEqual(['orders.**', '**.secrets', '*.*.*']);
      await SseTestClient.connect(patterns('orders.*', 'orders.*.items'));
      expect(refused).toHaveLength(3);
      expect(wide.asked).toContain('orders.*.items');
    });

    it('does not make up for a forbidden topic, nor the other way round', async () => {
      const { hub, url } = await start([
        policy('orders.**', (_user, name) => name.includes('*')),
        policy('users.**', (_user, name) => !name.includes('*')),
      ]);
      const ask = (topics: string, patterns: string) =>
        `${url}/events?topics=${topics}&patterns=${patterns}`;
      await expectForbidden(ask('orders.1', 'orders.*'), hub, 'orders.1');
      await expectForbidden(ask('users.1', 'users.*'), hub, 'users.*');
      await SseTestClient.connect(ask('users.1', 'orders.*'));
    });
  });

  describe('that nobody has written', () => {
    it('leaves a topic or pattern open by default', async () => {
      const { patterns, topics, hub } = await start([
        policy('orders.*', () => false),
      ]);
      await SseTestClient.connect(topics('news'));
      await SseTestClient.connect(patterns('news.**'));
      expect(hub.connections()).toHaveLength(2);
    });

    it("closes it with unlistedTopics: 'deny'", async () => {
      const { hub, topics, patterns } = await start(
        [policy('orders.*', () => true)],
        { unlistedTopics: 'deny' },
      );
      await expectForbidden(topics('news'), hub, 'news');
      await expectForbidden(topics('orders.1', 'news'), hub, 'news');
      await expectForbidden(patterns('news.**'), hub, 'news.**');
      await expectForbidden(patterns('orders.**'), hub, 'orders.**');
      await SseTestClient.connect(topics('orders.1'));
      await SseTestClient.connect(patterns('orders.*'));
      expect(hub.connections()).toHaveLength(2);
    });

    it("closes every topic with unlistedTopics: 'deny' and no policy", async () => {
      const { hub, topics, patterns } = await start([], {
        unlistedTopics: 'deny',
      });
      await expectForbidden(topics('news'), hub, 'news');
      await expectForbidden(patterns('**'), hub, '**');
    });
  });

  it('comes before history: a cursor and a forbidden topic give not one event', async () => {
    const { hub, topics, patterns } = await start([
      policy('orders.*', () => false),
    ]);
    const { id } = await hub.publish('orders.1', { data: 'first' });
    await hub.publish('orders.1', { data: 'secret' });
    for (const url of [topics('orders.1'), topics('news', 'orders.1')]) {
      for (const request of [
        [url, { headers: { 'last-event-id': id } }],
        [`${url}&lastEventId=${id}`],
        [url, { headers: { 'last-event-id': 'made up' } }],
      ] as [string, RequestInit?][]) {
        const { status, body } = await answer(...request);
        expect(status).toBe(403);
        expect(JSON.stringify(body)).not.toContain('secret');
      }
    }
    expect((await answer(patterns('orders.*'))).status).toBe(403);
  });

  describe('as a provider', () => {
    it('gets other providers injected, and may be made by a factory or shared', async () => {
      @Injectable()
      class OrdersRepository {
        readonly owners = new Map([['1', 'ann']]);
      }
      let asked = 0;
      @Injectable()
      @TopicPolicy('orders.*')
      class OrdersPolicy implements TopicAuthorizer<HeaderUser> {
        constructor(private readonly orders: OrdersRepository) {}

        canSubscribe(user: HeaderUser, name: string): boolean {
          asked++;
          return this.orders.owners.get(name.split('.')[1]!) === user?.id;
        }
      }
      const ways: any[][] = [
        [OrdersPolicy],
        [{ provide: 'policy', useClass: OrdersPolicy }],
        [
          OrdersPolicy,
          { provide: 'the same again', useExisting: OrdersPolicy },
        ],
        [
          {
            provide: 'policy',
            inject: [OrdersRepository],
            useFactory: async (orders: OrdersRepository) =>
              new OrdersPolicy(orders),
          },
        ],
        [
          {
            provide: 'policy',
            useValue: new OrdersPolicy(new OrdersRepository()),
          },
        ],
      ];
      for (const providers of ways) {
        const { topics } = await start([OrdersRepository], {}, providers);
        asked = 0;
        await SseTestClient.connect(topics('orders.1'), as('ann'));
        expect(asked).toBe(1);
        expect((await answer(topics('orders.1'), as('bob'))).status).toBe(403);
        expect((await answer(topics('orders.2'), as('ann'))).status).toBe(403);
      }
    });

    it('may be replaced in a test by an object', async () => {
      const orders = policy('orders.*', () => true);
      const module = await Test.createTestingModule({
        imports: [SseModule.forRoot()],
        controllers: [StreamsController],
        providers: [orders],
      })
        .overrideProvider(orders)
        .useValue({ canSubscribe: () => false })
        .compile();
      const app = module.createNestApplication(adapter(), { logger: false });
      await app.listen(0, '127.0.0.1');
      try {
        const url = `${await app.getUrl()}/events?topics=orders.1`;
        expect((await answer(url)).status).toBe(403);
      } finally {
        await app.close();
      }
    });

    it('may stand for other policies by inheritance', async () => {
      const Base = policy('orders.*', () => false);
      @Injectable()
      class Derived extends Base {}
      const { topics } = await start([Derived]);
      expect((await answer(topics('orders.1'))).status).toBe(403);
    });

    describe('what the log says at start', () => {
      const said = (spy: { mock: { calls: unknown[][] } }): string[] =>
        spy.mock.calls.map(([message]) => String(message));

      afterEach(() => {
        jest.restoreAllMocks();
      });

      it('is which policies were found, and for what', async () => {
        const log = jest.spyOn(Logger.prototype, 'log');
        @Injectable()
        @TopicPolicy(['found.*', 'found'])
        class FoundPolicy {
          canSubscribe = () => true;
        }
        await start([], {}, [{ provide: 'policy', useClass: FoundPolicy }]);
        expect(said(log)).toContain('Topic policy FoundPolicy: found.*, found');
      });

      it('says why a topic without a policy is refused, once', async () => {
        const warn = jest.spyOn(Logger.prototype, 'warn');
        const { hub, topics, patterns } = await start(
          [policy('orders.*', () => true)],
          { unlistedTopics: 'deny' },
        );
        for (let n = 0; n < 3; n++) {
          await expectForbidden(topics('news'), hub, 'news');
          await expectForbidden(patterns('new.*'), hub, 'new.*');
        }
        expect(
          said(warn).filter((text) => text.startsWith('No @TopicPolicy')),
        ).toEqual([
          expect.stringContaining('covers "news", and unlistedTopics is'),
          expect.stringContaining('covers "new.*", and'),
        ]);
        for (let n = 0; n < 50; n++) {
          await answer(topics(`made.up.${n}`));
        }
        const all = said(warn).filter((text) =>
          text.startsWith('No @TopicPolicy'),
        );
        expect(all).toHaveLength(20);
        expect(all.at(-1)).toContain('of further topics nothing is said');
      });
    });

    const refused: [name: string, provider: () => any, message: RegExp][] = [
      [
        'without canSubscribe',
        () => {
          @Injectable()
          @TopicPolicy('orders.*')
          class OrdersPolicy {}
          return OrdersPolicy;
        },
        /^OrdersPolicy: .*needs the method canSubscribe\(user, topic, connection\)/,
      ],
      [
        'that is request-scoped',
        () => {
          @Injectable({ scope: Scope.REQUEST })
          @TopicPolicy('orders.*')
          class OrdersPolicy {
            canSubscribe = () => true;
          }
          return OrdersPolicy;
        },
        /^OrdersPolicy: .*must be a singleton/,
      ],
      [
        'that is transient',
        () => {
          @Injectable({ scope: Scope.TRANSIENT })
          @TopicPolicy('orders.*')
          class OrdersPolicy {
            canSubscribe = () => true;
          }
          return OrdersPolicy;
        },
        /^OrdersPolicy: .*must be a singleton/,
      ],
      [
        'with a wildcard in a segment',
        () => policy('orders.x*', () => true),
        /^Policy: @TopicPolicy\(\): The pattern "orders\.x\*" has a wildcard that is not a whole segment/,
      ],
      [
        'with one good and one bad pattern',
        () => policy(['orders.*', 'a..b'], () => true),
        /^Policy: @TopicPolicy\(\): The pattern "a\.\.b" has an empty segment/,
      ],
      [
        'with no pattern',
        () => policy([], () => true),
        /^Policy: @TopicPolicy\(\) names no pattern/,
      ],
      [
        'with undefined in place of a pattern',
        () => policy(undefined as never, () => true),
        /^Policy: @TopicPolicy\(\): A pattern is a non-empty string/,
      ],
    ];

    it.each(refused)(
      '%s is refused at start',
      async (_name, provider, message) => {
        const starting = start([provider() as Type]);
        await expect(starting).rejects.toThrow(InvalidTopicPolicyException);
        await expect(starting).rejects.toThrow(message);
      },
    );

    it('that gets something request-scoped injected is refused at start', async () => {
      @Injectable({ scope: Scope.REQUEST })
      class PerRequest {}
      @Injectable()
      @TopicPolicy('orders.*')
      class OrdersPolicy {
        constructor(readonly per: PerRequest) {}
        canSubscribe = () => true;
      }
      await expect(start([PerRequest, OrdersPolicy])).rejects.toThrow(
        /^OrdersPolicy: .*must be a singleton/,
      );
    });
  });

  describe('and the limit of topics', () => {
    it('refuses a stream of more, naming the limit', async () => {
      const { hub, topics, app, url, caught } = await start([], {
        limits: { topicsPerStream: 3 },
      });
      await SseTestClient.connect(topics('a', 'b', 'c', 'a'));
      await SseTestClient.connect(app, '/events?topics=a,b&patterns=c.*');
      for (const query of ['topics=a,b,c,d', 'topics=a,b&patterns=c.*,d.*']) {
        expect((await answer(`${url}/events?${query}`)).status).toBe(500);
      }
      expect(hub.connections()).toHaveLength(2);
      expect(caught.errors).toHaveLength(2);
      for (const error of caught.errors) {
        expect(error).toBeInstanceOf(InvalidStreamException);
        expect(error.message).toMatch(
          /4 topics and patterns, but "limits\.topicsPerStream" is 3/,
        );
      }
    });

    it('is 256 by default', async () => {
      const { topics } = await start();
      const names = Array.from({ length: 256 }, (_name, index) => `t${index}`);
      await SseTestClient.connect(topics(...names));
      expect((await answer(topics(...names, 'more'))).status).toBe(500);
    });
  });
});

it('A topic policy that no module lists is warned of, one that is extended or replaced is not', async () => {
  const warn = jest.spyOn(Logger.prototype, 'warn');
  @TopicPolicy('x')
  abstract class ExtendedPolicy {
    canSubscribe = () => true;
  }
  @Injectable()
  class DerivedPolicy extends ExtendedPolicy {}
  @TopicPolicy('x')
  class ReplacedPolicy extends ExtendedPolicy {}
  @TopicPolicy('x')
  class MadePolicy extends ExtendedPolicy {}
  @TopicPolicy('x')
  class ForgottenPolicy extends ExtendedPolicy {}
  const policies = [DerivedPolicy, ReplacedPolicy, MadePolicy, ForgottenPolicy];
  const module = await Test.createTestingModule({
    imports: [SseModule.forRoot()],
    providers: [
      DerivedPolicy,
      { provide: ReplacedPolicy, useValue: new DerivedPolicy() },
      { provide: 'policy', useFactory: () => new MadePolicy() },
    ],
  }).compile();
  await module.init();
  await module.close();
  const warnings = warn.mock.calls.map(([message]) => String(message));
  warn.mockRestore();
  expect(
    [ExtendedPolicy, ...policies]
      .map(({ name }) => name)
      .filter((name) => warnings.some((text) => text.startsWith(`${name} `))),
  ).toEqual(['ForgottenPolicy']);
});
