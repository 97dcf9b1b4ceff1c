import {
  Controller,
  ForbiddenException,
  Injectable,
  UseGuards,
} from '@nestjs/common';
import type { CanActivate, Provider } from '@nestjs/common';
import {
  Connection,
  EventHub,
  InvalidRevocationException,
  MemoryLog,
  Sse,
  SseConnection,
  TopicPolicy,
} from 'nestjs-sse-hub';
import type { SseModuleOptions, TopicAuthorizer } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { NEVER, delayWhen } from 'rxjs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HUB_CONTEXT } from '../../src/hub/hub-context.js';
import { eventually } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

interface User {
  readonly id: string | number;
  readonly roles: readonly string[];
}

/** Who the application knows, and what becomes of asking it. */
class Users {
  readonly known = new Map<string, User>();
  /** Ids that were asked for. */
  readonly asked: string[] = [];
  /** Answers are given one by one, by `answer`. */
  held = false;
  readonly #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets the oldest question that waits have the answer of now. */
  answer(): void {
    this.#waiting.shift()!();
  }

  readonly load = async (id: string): Promise<User | undefined> => {
    this.asked.push(id);
    if (this.held) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.known.get(id);
  };
}

let users: Users;
let connections: SseConnection<User>[];
let passes: (() => void)[];
let guardHolds: boolean;
let delays: (() => void)[];

beforeEach(() => {
  users = new Users();
  connections = [];
  passes = [];
  delays = [];
  guardHolds = false;
});

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

/** Lets everybody through, some of them later. */
@Injectable()
class SlowGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    if (guardHolds) {
      await new Promise<void>((resolve) => passes.push(resolve));
    }
    return true;
  }
}

@UseGuards(HeaderUserGuard, SlowGuard)
@Controller()
class NewsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('news')
  news(@Connection() connection: SseConnection<User>) {
    connections.push(connection);
    return this.hub.stream({ topics: ['news'], for: connection });
  }

  @Sse('delayed')
  delayed(@Connection() connection: SseConnection<User>) {
    connections.push(connection);
    return this.hub
      .stream({ topics: ['news'], for: connection })
      .pipe(
        delayWhen(() => new Promise<void>((resolve) => delays.push(resolve))),
      );
  }

  @Sse('own')
  own(@Connection() connection: SseConnection<User>) {
    connections.push(connection);
    return NEVER;
  }
}

const as = (user: string, roles = '') => ({
  headers: { 'x-user': user, 'x-roles': roles },
});

/** What the app's page sees of a stream, in short. */
const told = ({ received: events }: SseTestClient): string[] =>
  events
    .filter(({ type }) => type !== 'hub.checkpoint')
    .map(({ type, data }) =>
      type === 'hub.closed'
        ? `closed ${(data as { reason: string }).reason}`
        : data,
    );

const until = (client: SseTestClient, text: string) =>
  client.until(() => told(client).includes(text));

describe.each(platforms)('hub.refresh on %s', (_, adapter) => {
  const start = (options?: SseModuleOptions, providers: Provider[] = []) =>
    startApp(adapter, {
      controllers: [NewsController],
      providers,
      options: { loadUser: users.load, ...options },
    });

  it('takes a role away at its place in the log, and ends nothing', async () => {
    const { hub, app } = await start();
    const meant = await SseTestClient.connect(app, '/news', as('7', 'editor'));
    const other = await SseTestClient.connect(app, '/news', as('8', 'editor'));
    users.known.set('7', { id: 7, roles: ['reader'] });
    await hub.publish('news', { data: 'before', roles: ['editor'] });
    await hub.refresh({ user: 7 });
    await hub.publish('news', { data: 'editors', roles: ['editor'] });
    await hub.publish('news', { data: 'readers', roles: ['reader'] });
    await hub.publish('news', { data: 'own', users: [7] });
    await hub.publish('news', { data: 'all' });
    await Promise.all([until(meant, 'all'), until(other, 'all')]);

    expect(told(meant)).toEqual(['before', 'readers', 'own', 'all']);
    expect(told(other)).toEqual(['before', 'editors', 'all']);
    expect(connections[0]!.user).toEqual({ id: 7, roles: ['reader'] });
    expect(connections[1]!.user).toEqual({ id: 8, roles: ['editor'] });
    expect(users.asked).toEqual(['7']);
  });

  it('gives a role, also for what is published while the user is loaded', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/news', as('7'));
    users.held = true;
    await hub.publish('news', { data: 'before', roles: ['editor'] });
    await hub.refresh({ user: 7 });
    await hub.publish('news', { data: 'meanwhile', roles: ['editor'] });
    users.known.set('7', { id: '7', roles: ['editor'] });
    users.answer();
    await hub.publish('news', { data: 'end' });
    await until(client, 'end');
    expect(told(client)).toEqual(['meanwhile', 'end']);
  });

  it('lets nothing out while the user is loaded; then nothing is lost or doubled', async () => {
    const { hub, app } = await start({
      log: new MemoryLog(),
      window: { events: 8 },
    });
    const cursor = await hub.head();
    const publish = async (from: number, to: number) => {
      for (let n = from; n <= to; n++) {
        await hub.publish('news', { data: n });
      }
    };
    await publish(1, 600);
    const live = await SseTestClient.connect(app, '/news', as('7'));
    const replaying = await SseTestClient.connect(
      app,
      `/news?lastEventId=${cursor}`,
      as('7'),
    );
    const watch = await SseTestClient.connect(app, '/news', as('8'));
    users.known.set('7', { id: 7, roles: [] });
    users.held = true;
    await hub.refresh({ user: 7 });
    const seen = replaying.data.length;
    await publish(601, 640);
    await watch.until(() => watch.data.at(-1) === 640);
    expect(live.data).toEqual([]);
    // What had been written when the replay was stopped may still arrive.
    expect(replaying.data.length).toBeLessThanOrEqual(600);
    expect(replaying.data.length).toBeGreaterThanOrEqual(seen);
    users.answer();
    await publish(641, 660);
    await live.until(() => live.data.at(-1) === 660);
    await replaying.until(() => replaying.data.at(-1) === 660);
    expect(live.data).toEqual(Array.from({ length: 60 }, (_u, i) => 601 + i));
    expect(replaying.data).toEqual(
      Array.from({ length: 660 }, (_u, i) => 1 + i),
    );
    expect(users.asked).toEqual(['7']);
  });

  it('stops a replay in the midst of a page, which is then authorized anew', async () => {
    class SlowLog extends MemoryLog {
      held = false;
      readonly waiting: (() => void)[] = [];

      override async read(...args: Parameters<MemoryLog['read']>) {
        if (this.held) {
          await new Promise<void>((resolve) => this.waiting.push(resolve));
        }
        return super.read(...args);
      }
    }
    const log = new SlowLog();
    const { hub, app } = await start({ log, window: { events: 2 } });
    const cursor = await hub.head();
    await hub.publish('news', { data: 'for editors', roles: ['editor'] });
    for (const data of ['a', 'b', 'c', 'd']) {
      await hub.publish('news', { data });
    }
    log.held = true;
    const client = await SseTestClient.connect(
      app,
      `/news?lastEventId=${cursor}`,
      as('7', 'editor'),
    );
    await eventually(() => log.waiting.length === 1);
    users.known.set('7', { id: 7, roles: [] });
    users.held = true;
    await hub.refresh({ user: 7 });
    log.held = false;
    log.waiting[0]!();
    const watch = await SseTestClient.connect(app, '/news', as('8'));
    await hub.publish('news', { data: 'end' });
    await watch.next();
    expect(told(client)).toEqual([]);
    users.answer();
    await until(client, 'end');
    expect(told(client)).toEqual(['a', 'b', 'c', 'd', 'end']);
  });

  it('asks once for all connections of a user, with or without a hub stream', async () => {
    const { hub, app } = await start();
    await SseTestClient.connect(app, '/news', as('7'));
    await SseTestClient.connect(app, '/news', as('7'));
    await SseTestClient.connect(app, '/own', as('7'));
    const user = { id: 7, roles: ['editor'] };
    users.known.set('7', user);
    await hub.refresh({ user: '7' });
    await eventually(() => connections.every((each) => each.user === user));
    expect(users.asked).toEqual(['7']);
    expect(hub.connections().map((each) => each.user)).toEqual([
      user,
      user,
      user,
    ]);
  });

  it('does not ask for a user who has no connection', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/news', as('7'));
    await hub.refresh({ user: 70 });
    await hub.publish('news', { data: 'on' });
    await client.next();
    expect(users.asked).toEqual([]);
  });

  it('without loadUser asks for the roles again of the user it has', async () => {
    const granted = new Set(['editor']);
    const { hub, app } = await startApp(adapter, {
      controllers: [NewsController],
      options: { roles: () => [...granted] },
    });
    const client = await SseTestClient.connect(app, '/news', as('7'));
    await hub.publish('news', { data: 'before', roles: ['editor'] });
    granted.delete('editor');
    await hub.refresh({ user: 7 });
    await hub.publish('news', { data: 'after', roles: ['editor'] });
    await hub.publish('news', { data: 'end' });
    await until(client, 'end');
    expect(told(client)).toEqual(['before', 'end']);
  });

  describe('ends the streams of a user', () => {
    const gone: [what: string, user: User | undefined | null][] = [
      ['is not there any more', undefined],
      ['is null', null],
      ['is another one', { id: 70, roles: [] }],
    ];

    it.each(gone)('who %s', async (_what, user) => {
      const { hub, app } = await start({ loadUser: () => user });
      const client = await SseTestClient.connect(app, '/news', as('7'));
      const own = await SseTestClient.connect(app, '/own', as('7'));
      const other = await SseTestClient.connect(app, '/news', as('8'));
      await hub.refresh({ user: 7 });
      await hub.publish('news', { data: 'after' });
      await other.next();
      expect((await client.untilClosed()).clean).toBe(true);
      expect((await own.untilClosed()).clean).toBe(true);
      expect(told(client)).toEqual(['closed revoked']);
      expect(told(own)).toEqual(['closed revoked']);
    });

    const failures: [how: string, loadUser: () => Promise<User>][] = [
      ['fails', () => Promise.reject(new Error('database'))],
      ['is not answered', () => new Promise(() => undefined)],
    ];

    it.each(failures)(
      'with `unavailable` when loading %s',
      async (_how, loadUser) => {
        const { hub, app } = await start({
          loadUser,
          authorizationTimeout: 20,
        });
        const client = await SseTestClient.connect(app, '/news', as('7'));
        await hub.refresh({ user: 7 });
        await hub.publish('news', { data: 'after' });
        expect((await client.untilClosed()).clean).toBe(true);
        expect(told(client)).toEqual(['closed unavailable']);
        // It comes back through the guards.
        await client.reconnect();
        await until(client, 'after');
      },
    );

    it('with `unavailable` when the roles cannot be told', async () => {
      const { hub, app } = await start({
        roles: (user: User) => {
          if (user.roles.includes('broken')) {
            throw new ForbiddenException('not a decision of a policy');
          }
          return user.roles;
        },
        loadUser: () => ({ id: 7, roles: ['broken'] }),
      });
      const client = await SseTestClient.connect(app, '/news', as('7'));
      await hub.refresh({ user: 7 });
      expect((await client.untilClosed()).clean).toBe(true);
      expect(told(client)).toEqual(['closed unavailable']);
    });

    it.each([
      ['revoked', new ForbiddenException()],
      ['unavailable', new Error('database')],
    ])(
      'with `%s`, of those that have a stream, when a policy throws that',
      async (reason, refusal) => {
        const running = await start();
        const { hub, app } = running;
        const asked: string[] = [];
        // What authorizes streams is the hub's own affair: it is put in by hand.
        Object.assign(app.get<object>(HUB_CONTEXT), {
          authorizer: {
            authorize: async (
              { user }: SseConnection<User>,
              { topics }: { topics: string[] },
            ) => {
              asked.push(`${user.id} ${user.roles.join()} ${topics.join()}`);
              if (user.roles.length === 0) {
                throw refusal;
              }
            },
          },
        });
        const meant = await SseTestClient.connect(
          app,
          '/news',
          as('7', 'editor'),
        );
        const own = await SseTestClient.connect(app, '/own', as('7', 'editor'));
        const other = await SseTestClient.connect(
          app,
          '/news',
          as('8', 'editor'),
        );
        users.known.set('7', { id: 7, roles: ['reader'] });
        asked.length = 0;
        await hub.refresh({ user: 7 });
        await hub.publish('news', { data: 'still' });
        await until(meant, 'still');
        users.known.set('7', { id: 7, roles: [] });
        await hub.refresh({ user: 7 });
        await hub.publish('news', { data: 'after' });
        await until(other, 'after');
        expect((await meant.untilClosed()).clean).toBe(true);
        expect(told(meant)).toEqual(['still', `closed ${reason}`]);
        expect(told(own)).toEqual([]);
        expect(asked).toEqual(['7 reader news', '7  news']);
      },
    );
  });

  describe('stands', () => {
    it('a refresh during a refresh: what was loaded before it does not count', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(app, '/news', as('7'));
      users.held = true;
      users.known.set('7', { id: 7, roles: ['editor'] });
      await hub.refresh({ user: 7 });
      await hub.publish('news', { data: 'first', roles: ['editor'] });
      await hub.refresh({ user: 7 });
      await hub.refresh({ user: 7 });
      users.answer();
      await eventually(() => users.waiting === 1 && users.asked.length === 2);
      users.known.set('7', { id: 7, roles: [] });
      users.answer();
      await hub.publish('news', { data: 'end' });
      await until(client, 'end');
      expect(told(client)).toEqual(['end']);
      expect(users.asked).toEqual(['7', '7']);

      users.held = false;
      users.known.set('7', { id: 7, roles: ['editor'] });
      await hub.refresh({ user: 7 });
      await hub.publish('news', { data: 'again', roles: ['editor'] });
      await until(client, 'again');
    });

    it('a disconnect during a refresh', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(app, '/news', as('7'));
      users.known.set('7', { id: 7, roles: [] });
      users.held = true;
      await hub.refresh({ user: 7 });
      await hub.publish('news', { data: 'meanwhile' });
      await hub.disconnect({ user: 7 }, 'signed-out');
      expect((await client.untilClosed()).clean).toBe(true);
      users.answer();
      const watch = await SseTestClient.connect(app, '/news', as('8'));
      await hub.publish('news', { data: 'end' });
      await watch.next();
      expect(told(client)).toEqual(['closed signed-out']);
    });

    it('a client that leaves during a refresh, and comes back', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(app, '/news', as('7'));
      users.known.set('7', { id: 7, roles: [] });
      users.held = true;
      await client.until(() => client.lastEventId !== undefined);
      await hub.refresh({ user: 7 });
      await hub.publish('news', { data: 'meanwhile' });
      await client.dropConnection();
      await client.reconnect();
      await until(client, 'meanwhile');
      users.answer();
      await hub.publish('news', { data: 'end' });
      await until(client, 'end');
      expect(told(client)).toEqual(['meanwhile', 'end']);
    });

    it('a connect on its way, whose guards saw the user of before', async () => {
      const { hub, app } = await start();
      const cursor = await hub.head();
      await hub.publish('news', { data: 'retained', roles: ['editor'] });
      guardHolds = true;
      const connecting = SseTestClient.connect(
        app,
        `/news?lastEventId=${cursor}`,
        as('7', 'editor'),
      );
      await eventually(() => passes.length === 1);
      users.known.set('7', { id: 7, roles: [] });
      await hub.refresh({ user: 7 });
      guardHolds = false;
      passes[0]!();
      const client = await connecting;
      await hub.publish('news', { data: 'secret', roles: ['editor'] });
      await hub.publish('news', { data: 'end' });
      await until(client, 'end');
      expect(told(client)).toEqual(['end']);
      expect(users.asked).toEqual(['7']);

      // One that arrives later is the guards' affair.
      const later = await SseTestClient.connect(
        app,
        '/news',
        as('7', 'editor'),
      );
      await hub.publish('news', { data: 'for editors', roles: ['editor'] });
      await until(later, 'for editors');
      expect(users.asked).toEqual(['7']);
    });

    it('an event that a handler still holds when the role is gone: it is left out', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(
        app,
        '/delayed',
        as('7', 'editor'),
      );
      await hub.publish('news', { data: 'secret', roles: ['editor'] });
      await eventually(() => delays.length === 1);
      users.known.set('7', { id: 7, roles: [] });
      await hub.refresh({ user: 7 });
      await eventually(() => connections[0]!.user.roles.length === 0);
      await hub.publish('news', { data: 'end' });
      await eventually(() => delays.length === 2);
      delays.forEach((release) => release());
      await until(client, 'end');
      expect(told(client)).toEqual(['end']);
    });
  });

  it('lets nothing out that a handler held and lets go while the user is loaded', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(
      app,
      '/delayed',
      as('7', 'editor'),
    );
    await hub.publish('news', { data: 'secret', roles: ['editor'] });
    await hub.publish('news', { data: 'open' });
    await eventually(() => delays.length === 2);
    users.known.set('7', { id: 7, roles: [] });
    users.held = true;
    await hub.refresh({ user: 7 });
    await eventually(() => users.waiting === 1);
    delays.forEach((release) => release());
    await nextTurn();
    users.answer();
    await until(client, 'open');
    expect(told(client)).toEqual(['open']);
  });

  it('lets nothing out while a policy thinks, that says no then', async () => {
    const answers: ((answer: boolean) => void)[] = [];
    let asked = 0;
    @TopicPolicy('news')
    @Injectable()
    class NewsPolicy implements TopicAuthorizer<User> {
      canSubscribe(): boolean | Promise<boolean> {
        return asked++ === 0 || new Promise((resolve) => answers.push(resolve));
      }
    }
    const { hub, app } = await start({ loadUser: undefined }, [NewsPolicy]);
    const client = await SseTestClient.connect(app, '/delayed', as('7'));
    await hub.publish('news', { data: 'secret' });
    await eventually(() => delays.length === 1);
    await hub.refresh({ user: 7 });
    await eventually(() => answers.length === 1);
    delays.forEach((release) => release());
    await nextTurn();
    answers[0]!(false);
    expect((await client.untilClosed()).clean).toBe(true);
    expect(told(client)).toEqual(['closed revoked']);
  });

  it('replays nothing that is forbidden by now: a cursor gives no right', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/news', as('7', 'editor'));
    await client.until(() => client.lastEventId !== undefined);
    await client.dropConnection();
    await hub.publish('news', { data: 'for editors', roles: ['editor'] });
    await hub.publish('news', { data: 'end' });
    const cursor = client.lastEventId;
    const stays = await SseTestClient.connect(
      app,
      `/news?lastEventId=${cursor}`,
      as('7', 'editor'),
    );
    const lost = await SseTestClient.connect(
      app,
      `/news?lastEventId=${cursor}`,
      as('7'),
    );
    await Promise.all([until(stays, 'end'), until(lost, 'end')]);
    expect(told(stays)).toEqual(['for editors', 'end']);
    expect(told(lost)).toEqual(['end']);
  });

  it('asks the policies again: the stream that one denies ends, the others stay', async () => {
    @TopicPolicy('news')
    @Injectable()
    class NewsPolicy implements TopicAuthorizer<User> {
      canSubscribe(user: User | undefined): Promise<boolean> {
        return Promise.resolve(user?.roles.includes('reader') === true);
      }
    }
    const { hub, app } = await start({}, [NewsPolicy]);
    const news = await SseTestClient.connect(app, '/news', as('7', 'reader'));
    const own = await SseTestClient.connect(app, '/own', as('7', 'reader'));
    const other = await SseTestClient.connect(app, '/news', as('8', 'reader'));

    users.known.set('7', { id: 7, roles: ['reader', 'editor'] });
    await hub.refresh({ user: 7 });
    await hub.publish('news', { data: 'allowed' });
    await Promise.all([until(news, 'allowed'), until(other, 'allowed')]);

    users.known.set('7', { id: 7, roles: ['editor'] });
    await hub.refresh({ user: 7 });
    await hub.publish('news', { data: 'after' });
    await until(other, 'after');
    expect((await news.untilClosed()).clean).toBe(true);
    expect(told(news)).toEqual(['allowed', 'closed revoked']);
    expect(told(other)).toEqual(['allowed', 'after']);
    expect(hub.connections().map(({ user }) => (user as User).id)).toEqual([
      7, 8,
    ]);
    expect(told(own)).toEqual([]);
  });

  it('leaves a stream the lease that its guards have seen', async () => {
    const end = Date.now() + 3_000;
    const { hub, app } = await start({
      // Only what a guard put on the request knows when a token expires.
      leaseUntil: (user: User) =>
        user === users.known.get('7') ? undefined : new Date(end),
    });
    users.known.set('7', { id: 7, roles: ['reader'] });
    const client = await SseTestClient.connect(app, '/news', as('7', 'reader'));
    await hub.refresh({ user: 7 });
    await eventually(() => connections[0]!.user === users.known.get('7'));
    expect((await client.untilClosed()).clean).toBe(true);
    expect(told(client)).toEqual(['closed expired']);
  });

  it('needs a user', async () => {
    const { hub } = await start();
    for (const criteria of [{}, { user: undefined }, { topic: 'news' }, null]) {
      await expect(hub.refresh(criteria as never)).rejects.toThrow(
        InvalidRevocationException,
      );
    }
  });
});
