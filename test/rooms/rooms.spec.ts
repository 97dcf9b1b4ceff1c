import {
  Controller,
  ForbiddenException,
  Injectable,
  Post,
  Query,
  UseGuards,
} from '@nestjs/common';
import type { Provider } from '@nestjs/common';
import {
  Connection,
  EventHub,
  InvalidStreamException,
  InvalidTopicException,
  MemoryLog,
  Sse,
  SseConnection,
  SseEvent,
  StreamEndedException,
  TopicForbiddenException,
  TopicPolicy,
} from 'nestjs-sse-hub';
import type {
  EventLog,
  JoinOptions,
  SseModuleOptions,
  TopicAuthorizer,
} from 'nestjs-sse-hub';
import { NEVER, concat, map, of, retry, tap } from 'rxjs';
import { answer } from '../support/answer.js';
import { eventually, settled } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { type SseClient, connect, dropClients } from '../support/sse-client.js';

@SseEvent('said', { topic: 'rooms.:room' })
class Said {
  static readonly type = 'said';

  constructor(
    readonly room: number,
    readonly text: string,
  ) {}
}

const served: SseConnection[] = [];

@UseGuards(HeaderUserGuard)
@Controller()
class RoomsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection, @Query('q') only?: string) {
    served.push(connection);
    return this.hub.stream({
      topics: ['lobby'],
      types: only === 'notes' ? ['note'] : undefined,
      where: ({ data }) => data !== 'unwanted',
      for: connection,
    });
  }

  @Sse('said')
  said(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub.stream({
      events: [Said],
      topics: ['rooms.0'],
      for: connection,
    });
  }

  @Sse('mapped')
  mapped(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub
      .stream({ topics: ['lobby'], for: connection })
      .pipe(map(({ topic, data }) => ({ data: `${topic}: ${data}` })));
  }

  @Sse('pattern')
  pattern(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub.stream({ patterns: ['rooms.*'], for: connection });
  }

  @Sse('again')
  again(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub.stream({ topics: ['lobby', 'hall'], for: connection }).pipe(
      tap(({ data }) => {
        if (data === 'fail') {
          throw new TypeError('once');
        }
      }),
      retry(1),
    );
  }

  @Sse('none')
  none(@Connection() connection: SseConnection) {
    served.push(connection);
    return concat(of('no hub stream'), NEVER);
  }

  /** As a page asks for it. */
  @Post('join')
  async join(@Query('id') id: string, @Query('topic') topic: string) {
    await this.hub
      .connections()
      .find((connection) => connection.id === id)!
      .join(topic);
  }
}

/** A log that is read page by page, each when the test says so. */
class PagedLog extends MemoryLog {
  asked = 0;
  #waiting: (() => void)[] = [];
  #isOpen = true;

  override async read(
    ...args: Parameters<EventLog['read']>
  ): ReturnType<EventLog['read']> {
    this.asked++;
    if (!this.#isOpen) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return super.read(...args);
  }

  stop(): void {
    this.#isOpen = false;
  }

  goOn(): void {
    this.#isOpen = true;
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }
}

/** What a client has got; text is sent as it is. */
const dataOf = (client: SseClient): unknown[] =>
  client.appEvents.map(({ data }) =>
    /^[{\d]/.test(data) ? (JSON.parse(data) as unknown) : data,
  );

beforeEach(() => {
  served.length = 0;
});

afterEach(async () => {
  dropClients();
  await closeApps();
});

describe.each(platforms)('Rooms on %s', (_, adapter) => {
  const start = (options: SseModuleOptions = {}, providers: Provider[] = []) =>
    startApp(adapter, { controllers: [RoomsController], providers, options });

  /** An app with one client, and what is said in its rooms. */
  async function enter(
    path = 'events',
    options: SseModuleOptions = {},
    providers: Provider[] = [],
  ) {
    const running = await start(options, providers);
    const client = await connect(`${running.url}/${path}`, {
      headers: { 'x-user': '42', 'x-roles': 'member' },
    });
    await client.next('hub.checkpoint');
    const say = (topic: string, data: unknown, delivery = {}) =>
      running.hub.publish(topic, { data, ...delivery });
    const heard = async (...data: unknown[]) => {
      await client.until(() => client.appEvents.length >= data.length);
      await settled(() => client.events.length, 50);
      expect(dataOf(client)).toEqual(data);
    };
    return { ...running, client, connection: served.at(-1)!, say, heard };
  }

  describe('A topic that is joined', () => {
    it('brings what is published from then on, until it is left', async () => {
      const { connection, say, heard } = await enter();
      await say('rooms.1', 'before');
      await connection.join('rooms.1');
      await say('rooms.1', 'joined');
      await say('rooms.2', 'another');
      await say('lobby', 'hello');
      await heard('joined', 'hello');
      connection.leave('rooms.1');
      await say('rooms.1', 'left');
      await say('lobby', 'bye');
      await heard('joined', 'hello', 'bye');
      await connection.join('rooms.1');
      await say('rooms.1', 'again');
      await heard('joined', 'hello', 'bye', 'again');
    });

    it('is joined by a request, through hub.connections()', async () => {
      const { url, connection, say, heard } = await enter();
      const { status } = await answer(
        `${url}/join?id=${connection.id}&topic=rooms.1`,
        { method: 'POST' },
      );
      expect(status).toBe(201);
      await say('rooms.1', 'joined');
      await heard('joined');
    });

    it('comes in the order of the log, and moves the cursor', async () => {
      const { connection, client, say, url } = await enter();
      await connection.join('rooms.1');
      await say('lobby', 1);
      const { id } = await say('rooms.1', 2);
      await say('lobby', 3);
      await client.until(() => client.appEvents.length === 3);
      expect(dataOf(client)).toEqual([1, 2, 3]);
      expect(client.appEvents[1]!.id).toBe(id);
      const back = await connect(`${url}/events`, {
        lastEventId: client.appEvents[1]!.id,
      });
      await back.next();
      expect(dataOf(back)).toEqual([3]);
    });

    it('has types, where and operators of the stream', async () => {
      const typed = await enter('events?q=notes');
      await typed.connection.join('rooms.1');
      await typed.say('rooms.1', 'a message');
      await typed.say('rooms.1', 'unwanted', { type: 'note' });
      await typed.say('rooms.1', 'a note', { type: 'note' });
      await typed.heard('a note');

      const mapped = await enter('mapped');
      await mapped.connection.join('rooms.1');
      await mapped.say('rooms.1', 'hello');
      await mapped.client.next();
      expect(mapped.client.appEvents[0]!.data).toBe('rooms.1: hello');
    });

    it('has the classes of the stream', async () => {
      const { connection, hub, say, heard } = await enter('said');
      await connection.join('rooms.1');
      await hub.publish(new Said(1, 'hello'));
      await hub.publish(new Said(2, 'elsewhere'));
      await say('rooms.1', 'of no class');
      await heard({ room: 1, text: 'hello' });
    });

    it('comes once, however often it is joined, and whatever matches it', async () => {
      const twice = await enter();
      await Promise.all([
        twice.connection.join('rooms.1'),
        twice.connection.join('rooms.1'),
        twice.connection.join('lobby'),
      ]);
      await twice.say('rooms.1', 'once');
      await twice.heard('once');

      const pattern = await enter('pattern');
      await pattern.connection.join('rooms.1');
      await pattern.say('rooms.1', 'once');
      pattern.connection.leave('rooms.1');
      await pattern.say('rooms.1', 'still matched');
      await pattern.heard('once', 'still matched');
    });

    it('is for its audience', async () => {
      const { connection, say, heard } = await enter();
      await connection.join('rooms.1');
      await say('rooms.1', 'for 43', { users: [43] });
      await say('rooms.1', 'for 42', { users: [42] });
      await say('rooms.1', 'for members', { roles: ['member'] });
      await heard('for 42', 'for members');
    });

    it('brings ephemeral events, too', async () => {
      const { connection, say, heard } = await enter();
      await connection.join('rooms.1');
      await say('rooms.1', 'typing', { ephemeral: true });
      connection.leave('rooms.1');
      await say('rooms.1', 'typing again', { ephemeral: true });
      await say('lobby', 'end');
      await heard('typing', 'end');
    });

    it('is seen by presence', async () => {
      const { connection, hub } = await enter('events', { presenceGrace: 0 });
      const users = () => hub.presence('rooms.1').users;
      expect(users()).toEqual([]);
      await connection.join('rooms.1');
      expect(users()).toEqual(['42']);
      connection.leave('rooms.1');
      await eventually(() => users().length === 0);
      await connection.join('rooms.1');
      connection.close();
      await eventually(() => users().length === 0);
      expect(hub.presence('lobby').users).toEqual([]);
    });

    it('stays when the handler subscribes anew, as what was left stays away', async () => {
      const { connection, say, client } = await enter('again');
      await connection.join('rooms.1');
      connection.leave('hall');
      await say('lobby', 'fail');
      await eventually(() => connection.carriesStream);
      await say('hall', 'left');
      await say('rooms.1', 'joined');
      await client.next();
      await settled(() => client.events.length, 50);
      expect(dataOf(client).filter((data) => data !== 'fail')).toEqual([
        'joined',
      ]);
    });

    it('is left in the midst of an event, which the other topics do not lose', async () => {
      const { hub, url } = await start();
      // Called before the stream, which comes later.
      hub.listen({ topics: ['lobby', 'rooms.1'] }).subscribe(() => {
        served[0]?.leave('rooms.1');
      });
      const client = await connect(`${url}/events`);
      await client.next('hub.checkpoint');
      await served[0]!.join('rooms.1');
      await hub.publish('lobby', { data: 'hello' });
      await hub.publish('rooms.1', { data: 'left' });
      await served[0]!.join('rooms.1');
      await hub.publish('rooms.1', { data: 'left by this one' });
      await hub.publish('lobby', { data: 'bye' });
      await client.until(() => client.appEvents.length >= 2);
      await settled(() => client.events.length, 50);
      expect(dataOf(client)).toEqual(['hello', 'bye']);
    });

    it('may be the last that a stream has', async () => {
      const { connection, say, client } = await enter();
      connection.leave('lobby');
      await say('lobby', 'nobody here');
      await connection.join('lobby');
      await say('lobby', 'back');
      await client.next();
      expect(dataOf(client)).toEqual(['back']);
    });
  });

  describe('With rewind a topic brings first what it has had', () => {
    const rewound = async (rewind: JoinOptions['rewind'], count: number) => {
      const entered = await enter();
      const { connection, client, say } = entered;
      for (let n = 1; n <= 5; n++) {
        await say('rooms.1', n);
        await say('rooms.2', -n);
      }
      await say('lobby', 'hello');
      await client.next();
      const { lastEventId } = client;
      await connection.join('rooms.1', { rewind });
      await say('rooms.1', 6);
      await client.until(() => client.appEvents.length === count + 2);
      return { ...entered, before: lastEventId };
    };

    it('all of it, behind the cursor and so without ids', async () => {
      const { client, before } = await rewound('all', 5);
      expect(dataOf(client)).toEqual(['hello', 1, 2, 3, 4, 5, 6]);
      const ids = client.appEvents.map(({ id }) => id);
      expect(ids.slice(1, 6)).toEqual(Array(5).fill(undefined));
      expect(ids[6]! > before!).toBe(true);
    });

    it('the last so many', async () => {
      const { client } = await rewound(2, 2);
      expect(dataOf(client)).toEqual(['hello', 4, 5, 6]);
    });

    it('since a time', async () => {
      const past = await rewound({ since: new Date(0) }, 5);
      expect(dataOf(past.client)).toEqual(['hello', 1, 2, 3, 4, 5, 6]);
      const future = await rewound({ since: new Date(Date.now() + 60_000) }, 0);
      expect(dataOf(future.client)).toEqual(['hello', 6]);
    });

    it('of no more than its audience, types and where let through', async () => {
      const { connection, client, say } = await enter('events?q=notes');
      await say('rooms.1', 'a message');
      await say('rooms.1', 'not yours', { type: 'note', users: [43] });
      await say('rooms.1', 'unwanted', { type: 'note' });
      await say('rooms.1', 'yours', { type: 'note', users: [42] });
      await connection.join('rooms.1', { rewind: 'all' });
      await say('rooms.1', 'end', { type: 'note' });
      await client.until(() => client.appEvents.length === 2);
      expect(dataOf(client)).toEqual(['yours', 'end']);
    });

    it('out of the pages of the log, and nothing comes in between', async () => {
      const log = new PagedLog();
      const { connection, client, say } = await enter('events', {
        log,
        window: { events: 2 },
      });
      for (let n = 1; n <= 2_000; n++) {
        await say(n % 2 ? 'rooms.1' : 'rooms.2', n);
      }
      log.stop();
      log.asked = 0;
      const joined = connection.join('rooms.1', { rewind: 'all' });
      await eventually(() => log.asked > 0);
      await say('lobby', 'later');
      await say('rooms.1', 'last');
      expect(await settled(() => client.appEvents.length, 50)).toBe(0);
      log.goOn();
      await joined;
      await client.until(() => client.appEvents.length >= 1_002);
      expect(dataOf(client)).toEqual([
        ...Array.from({ length: 1_000 }, (__, n) => 2 * n + 1),
        'later',
        'last',
      ]);
    });
  });

  describe('A topic policy', () => {
    let verdict: () => boolean | Promise<boolean>;
    let asked: string[];

    @Injectable()
    @TopicPolicy('rooms.*')
    class RoomPolicy implements TopicAuthorizer {
      canSubscribe(user: any, topic: string): boolean | Promise<boolean> {
        asked.push(`${user.roles} ${topic}`);
        return verdict();
      }
    }

    beforeEach(() => {
      asked = [];
      verdict = () => true;
    });

    const guarded = (options: SseModuleOptions = {}) =>
      enter('events', options, [RoomPolicy]);

    it('is asked about the topic that is joined, and no other', async () => {
      const { connection, say, heard } = await guarded();
      await connection.join('rooms.1');
      await connection.join('rooms.1');
      expect(asked).toEqual(['member rooms.1']);
      await say('rooms.1', 'joined');
      await heard('joined');
    });

    it.each<[string, () => boolean | Promise<boolean>]>([
      ['at once', () => false],
      ['later', () => Promise.resolve(false)],
    ])('that says no (%s) leaves the stream as it is', async (__, no) => {
      const { connection, say, heard } = await guarded();
      verdict = no;
      const joining = connection.join('rooms.1', { rewind: 'all' });
      await expect(joining).rejects.toThrow(TopicForbiddenException);
      await say('rooms.1', 'not yours');
      await say('lobby', 'hello');
      await heard('hello');
      verdict = () => true;
      await connection.join('rooms.1');
      await say('rooms.1', 'now');
      await heard('hello', 'now');
    });

    it('that throws an exception of its own fails the join with it', async () => {
      const { connection } = await guarded();
      verdict = () => {
        throw new ForbiddenException('Ask Ann');
      };
      await expect(connection.join('rooms.1')).rejects.toThrow('Ask Ann');
    });

    it('is needed for every topic with unlistedTopics: deny', async () => {
      const { connection } = await enter(
        'pattern',
        { unlistedTopics: 'deny' },
        [RoomPolicy],
      );
      await connection.join('rooms.1');
      await expect(connection.join('halls.1')).rejects.toThrow(
        TopicForbiddenException,
      );
    });

    it('is not too late for a leave', async () => {
      let say!: (answer: boolean) => void;
      const entered = await guarded();
      verdict = () => new Promise((resolve) => (say = resolve));
      const joining = entered.connection.join('rooms.1');
      await eventually(() => asked.length === 1);
      entered.connection.leave('rooms.1');
      say(true);
      await joining;
      await entered.say('rooms.1', 'not joined');
      await entered.say('lobby', 'hello');
      await entered.heard('hello');
    });

    it('is not too late for hub.disconnect of the topic', async () => {
      let say!: (answer: boolean) => void;
      const { connection, client, hub } = await guarded();
      verdict = () => new Promise((resolve) => (say = resolve));
      const joining = connection.join('rooms.1');
      const failed = expect(joining).rejects.toThrow(StreamEndedException);
      await eventually(() => asked.length === 1);
      await hub.disconnect({ topic: 'rooms.1' }, 'room-closed');
      say(true);
      await failed;
      const { data } = await client.next('hub.closed');
      expect(JSON.parse(data)).toEqual({ reason: 'room-closed' });
    });

    it('is asked again when the user was refreshed meanwhile', async () => {
      let say!: (answer: boolean) => void;
      const {
        connection,
        hub,
        say: publish,
        heard,
      } = await guarded({
        loadUser: (id) => ({ id, roles: ['guest'] }),
      });
      verdict = () => new Promise((resolve) => (say = resolve));
      const joining = connection.join('rooms.1');
      const failed = expect(joining).rejects.toThrow(TopicForbiddenException);
      await eventually(() => asked.length === 1);
      await hub.refresh({ user: 42 });
      verdict = () => false;
      say(true);
      await failed;
      expect(asked).toEqual(['member rooms.1', 'guest rooms.1']);
      await publish('rooms.1', 'not for guests');
      await publish('lobby', 'hello');
      await heard('hello');
    });

    it('is asked about it by a refresh, which ends the stream if it says no', async () => {
      const { connection, client, hub } = await guarded();
      await connection.join('rooms.1');
      verdict = () => false;
      await hub.refresh({ user: 42 });
      expect(JSON.parse((await client.next('hub.closed')).data)).toEqual({
        reason: 'revoked',
      });
      expect(asked).toHaveLength(2);
    });

    it('is asked again before the rest of a rewind, when the user was refreshed', async () => {
      const log = new PagedLog();
      const { connection, client, hub, say } = await guarded({
        log,
        window: { events: 2 },
      });
      for (let n = 1; n <= 1_500; n++) {
        await say('rooms.1', n);
      }
      log.stop();
      log.asked = 0;
      const joining = connection.join('rooms.1', { rewind: 'all' });
      const failed = expect(joining).rejects.toThrow(TopicForbiddenException);
      await eventually(() => log.asked > 0);
      verdict = () => false;
      await hub.refresh({ user: 42 });
      log.goOn();
      await failed;
      await say('lobby', 'hello');
      await client.next();
      expect(dataOf(client)).toEqual(['hello']);
    });
  });

  it('hub.disconnect of a joined topic ends the stream, of one that was left not', async () => {
    const { connection, client, hub, say } = await enter();
    await connection.join('rooms.1');
    await connection.join('rooms.2');
    connection.leave('rooms.1');
    await hub.disconnect({ topic: 'rooms.1' }, 'closed');
    await say('rooms.2', 'still here');
    await client.next();
    await hub.disconnect({ topic: 'rooms.2' }, 'closed');
    expect((await client.next('hub.closed')).data).toBe('{"reason":"closed"}');
  });

  describe('join is refused', () => {
    it('for what is no topic', async () => {
      const { connection } = await enter();
      for (const topic of ['rooms.*', '', 'a b', undefined as never]) {
        await expect(connection.join(topic)).rejects.toThrow(
          InvalidTopicException,
        );
        expect(() => connection.leave(topic)).toThrow(InvalidTopicException);
      }
      await expect(connection.join('rooms.1', { rewind: -1 })).rejects.toThrow(
        'connection.join: "rewind" must be',
      );
    });

    it('past limits.topicsPerStream, and not by what was left', async () => {
      const { connection } = await enter('events', {
        limits: { topicsPerStream: 2 },
      });
      await connection.join('rooms.1');
      await expect(connection.join('rooms.2')).rejects.toThrow(
        'connection.join: the stream has 2 topics and patterns, and "limits.topicsPerStream" is 2.',
      );
      await connection.join('rooms.1');
      connection.leave('rooms.1');
      await connection.join('rooms.2');
    });

    it('on a connection without a hub stream', async () => {
      const { url } = await start();
      const client = await connect(`${url}/none`);
      await client.next();
      await expect(served[0]!.join('rooms.1')).rejects.toThrow(
        new InvalidStreamException(
          'connection.join(\'rooms.1\'): the connection carries no hub stream now. Join when what hub.stream() has returned is subscribed to; a topic that is known before belongs into its "topics".',
        ),
      );
      served[0]!.leave('rooms.1');
    });

    it.each<[string, (client: SseClient, connection: SseConnection) => void]>([
      ['the client left', (client) => client.drop()],
      ['it was closed', (_client, connection) => connection.close()],
    ])('when %s', async (__, end) => {
      const { connection, client } = await enter();
      end(client, connection);
      await eventually(() => connection.signal.aborted);
      await expect(connection.join('rooms.1')).rejects.toThrow(
        StreamEndedException,
      );
      connection.leave('rooms.1');
    });

    it('when the stream ends while it waits for the log', async () => {
      const log = new PagedLog();
      const { connection, say, client } = await enter('events', {
        log,
        window: { events: 2 },
      });
      for (let n = 1; n <= 10; n++) {
        await say('rooms.1', n);
      }
      log.stop();
      log.asked = 0;
      const failed = expect(
        connection.join('rooms.1', { rewind: 'all' }),
      ).rejects.toThrow(StreamEndedException);
      await eventually(() => log.asked > 0);
      client.drop();
      await failed;
      log.goOn();
    });
  });
});
