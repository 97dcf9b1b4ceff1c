import { Controller, Injectable, UseGuards } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import {
  Connection,
  StreamEndedException,
  EventHub,
  HubEvent,
  MemoryLog,
  Sse,
  SseConnection,
  SseEvent,
  TopicPolicy,
} from 'nestjs-sse-hub';
import type { SseModuleOptions, TopicAuthorizer } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import type { Observable } from 'rxjs';
import { concat, from, of, retry, tap } from 'rxjs';
import { answer } from './support/answer.js';
import { CaughtErrors } from './support/caught-errors.js';
import { eventually } from './support/eventually.js';
import { HeaderUserGuard } from './support/header-user.guard.js';
import { closeApps, platforms, startApp } from './support/running-app.js';
import { RewritableLog } from './support/rewritable-log.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

@Injectable()
@TopicPolicy('rooms.*')
class RoomsPolicy implements TopicAuthorizer<{ id: string }> {
  canSubscribe(user: { id: string } | undefined, requested: string) {
    return requested === `rooms.${user?.id}`;
  }
}

@Injectable()
@TopicPolicy('slow')
class SlowPolicy implements TopicAuthorizer {
  canSubscribe(): Promise<boolean> {
    return new Promise(() => undefined);
  }
}

@SseEvent('message.sent', { topic: 'chat' })
class MessageSent {
  constructor(readonly text: string) {}
}

/** Waits until the node itself has met an event that it has published. */
const met = (hub: EventHub, id: string) =>
  eventually(() => hub.health().position! >= id);

/** What is asked of a connection before anything else is. */
const fake = { attach: () => undefined, listener: {} };

describe.each(platforms)('hub.history on %s', (_, adapter) => {
  /** Starts an app with one handler. */
  async function serve(
    handler: (hub: EventHub, connection: SseConnection) => unknown,
    options: SseModuleOptions = {},
  ) {
    @Controller()
    @UseGuards(HeaderUserGuard)
    class MessagesController {
      constructor(private readonly hub: EventHub) {}

      @Sse('messages')
      messages(@Connection() connection: SseConnection) {
        return handler(this.hub, connection);
      }
    }
    let caught!: CaughtErrors;
    const { hub, url } = await startApp(adapter, {
      controllers: [MessagesController],
      providers: [RoomsPolicy, SlowPolicy],
      options,
      configure: (app: INestApplication) => (caught = new CaughtErrors(app)),
    });
    return { caught, hub, messages: `${url}/messages` };
  }

  const topics = ['chat'];

  /** The list first, then what comes. */
  const listThenChanges = async (
    hub: EventHub,
    connection: SseConnection,
    rewind: number | 'all' = 'all',
  ) => {
    const isBack = connection.lastEventId !== undefined;
    if (isBack) {
      return hub.stream({ topics, for: connection });
    }
    const { events, cursor } = await hub.history({
      topics,
      rewind,
      for: connection,
    });
    return concat(
      of({ type: 'list', data: events.map(({ data }) => data as unknown) }),
      hub.stream({ topics, after: cursor, for: connection }),
    );
  };

  const publish = async (hub: EventHub, ...data: unknown[]) => {
    const ids: string[] = [];
    for (const each of data) {
      ids.push((await hub.publish('chat', { data: each })).id!);
    }
    await met(hub, ids.at(-1)!);
    return ids;
  };

  /** A client whose list and stream a refresh holds back until the first of `answers` is called. */
  const held = async (log?: RewritableLog) => {
    const answers: (() => void)[] = [];
    const { hub, messages } = await serve(
      async (hub, connection) => {
        const stream = await listThenChanges(hub, connection);
        await hub.refresh({ user: 'ann' });
        return stream;
      },
      {
        log,
        loadUser: async (id) => {
          await new Promise<void>((resolve) => answers.push(resolve));
          return { id };
        },
      },
    );
    await publish(hub, 1);
    const client = await SseTestClient.connect(messages, {
      headers: { 'x-user': 'ann' },
    });
    return { hub, client, answers };
  };

  it('gives what there is as the first event, and the stream after it what comes', async () => {
    const { hub, messages } = await serve(listThenChanges);
    const ids = await publish(hub, 1, 2, 3);
    await hub.publish('chat', { data: 'passing', ephemeral: true });
    await hub.publish('other', { data: 'not asked for' });
    const client = await SseTestClient.connect(messages);
    expect(await client.next()).toEqual({
      type: 'list',
      id: undefined,
      data: [1, 2, 3],
    });
    const [next] = await publish(hub, 4);
    expect(await client.next()).toEqual({
      type: 'message',
      id: next,
      data: 4,
    });
    expect(client.received.map(({ type }) => type)).toEqual([
      'list',
      'hub.checkpoint',
      'message',
    ]);
    expect(client.received[1]!.id! > ids[2]!).toBe(true);
  });

  it('gives nothing and a cursor where there is nothing', async () => {
    const { hub, messages } = await serve(listThenChanges);
    const client = await SseTestClient.connect(messages);
    expect(await client.next()).toMatchObject({ data: [] });
    await publish(hub, 1);
    expect(await client.next()).toMatchObject({ data: 1 });
  });

  it('gives what a rewound stream begins with', async () => {
    const { hub, messages } = await serve((hub, connection) =>
      listThenChanges(hub, connection, 2),
    );
    await publish(hub, 1, 2, 3);
    const client = await SseTestClient.connect(messages);
    expect(await client.next()).toMatchObject({ data: [2, 3] });
  });

  it('reads behind the window out of the log', async () => {
    const log = new MemoryLog();
    const { hub, messages } = await serve(listThenChanges, {
      log,
      window: { events: 3 },
    });
    const numbers = Array.from({ length: 2_000 }, (_, n) => n);
    await Promise.all(numbers.map((n) => hub.publish('chat', { data: n })));
    await publish(hub, 2_000);
    const client = await SseTestClient.connect(messages);
    expect((await client.next()).data).toEqual([...numbers, 2_000]);
  });

  it('is typed and selected by event classes', async () => {
    const { hub, messages } = await serve(async (hub, connection) => {
      const { events } = await hub.history({
        events: [MessageSent],
        rewind: 'all',
        for: connection,
      });
      return of({ data: events.map(({ data }) => data.text) });
    });
    await hub.publish(new MessageSent('Hi'));
    await publish(hub, 1);
    const client = await SseTestClient.connect(messages);
    expect(await client.next()).toMatchObject({ data: ['Hi'] });
  });

  it('has only what is for the user', async () => {
    const { hub, messages } = await serve(listThenChanges);
    await hub.publish('chat', { data: 'for ann', users: ['ann'] });
    await publish(hub, 'for all');
    const ann = await SseTestClient.connect(messages, {
      headers: { 'x-user': 'ann' },
    });
    expect(await ann.next()).toMatchObject({ data: ['for ann', 'for all'] });
    const ben = await SseTestClient.connect(messages, {
      headers: { 'x-user': 'ben' },
    });
    expect(await ben.next()).toMatchObject({ data: ['for all'] });
  });

  it('answers 403 where a policy says no', async () => {
    const { messages } = await serve((hub, connection) =>
      hub.history({ topics: ['rooms.ann'], rewind: 'all', for: connection }),
    );
    const { status, body } = await answer(messages, {
      headers: { 'x-user': 'ben' },
    });
    expect(status).toBe(403);
    expect(body.message).toMatch(/rooms\.ann/);
  });

  it.each([1.5, 12])('may be a list of %d MB', async (size) => {
    const { hub, messages } = await serve(listThenChanges);
    const text = 'x'.repeat(100_000);
    await publish(hub, ...Array.from({ length: size * 10 }, () => text));
    const client = await SseTestClient.connect(messages);
    expect((await client.next('list')).text.length).toBeGreaterThan(size * 1e6);
    await publish(hub, 'end');
    expect(await client.next()).toMatchObject({ data: 'end' });
  });

  it('tells how to send its events one by one', async () => {
    const { hub, messages, caught } = await serve(async (hub, connection) => {
      const { events } = await hub.history({
        topics,
        rewind: 'all',
        for: connection,
      });
      return from(events);
    });
    await publish(hub, 1);
    expect((await answer(messages)).status).toBe(500);
    expect(caught.errors).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/`rewind`/) }),
    ]);
  });

  it('sends a client back for whom a policy takes too long, with status 200', async () => {
    const { messages } = await serve(
      async (hub, connection) =>
        hub.history({ topics: ['slow'], rewind: 'all', for: connection }),
      { authorizationTimeout: 20 },
    );
    const client = await SseTestClient.connect(messages);
    expect((await client.untilClosed()).clean).toBe(true);
    expect(client.status).toBe(200);
    expect(client.received.map(({ data }) => data)).toEqual([
      { reason: 'unavailable' },
    ]);
  });

  it('sends a client back also when two of its histories fail, each by itself', async () => {
    const { messages } = await serve(
      async (hub, connection) => {
        const asked = { topics: ['slow'], for: connection };
        const [first] = await Promise.allSettled([
          hub.history({ ...asked, rewind: 1 }),
          hub.history({ ...asked, rewind: 2 }),
        ]);
        throw (first as PromiseRejectedResult).reason;
      },
      { authorizationTimeout: 20 },
    );
    const client = await SseTestClient.connect(messages);
    expect(client.status).toBe(200);
    expect((await client.untilClosed()).clean).toBe(true);
  });

  it('fails with what `where` throws', async () => {
    const error = new Error('where');
    const { hub, messages, caught } = await serve(async (hub, connection) =>
      hub.history({
        topics,
        where: () => {
          throw error;
        },
        rewind: 'all',
        for: connection,
      }),
    );
    await publish(hub, 1);
    expect((await answer(messages)).status).toBe(500);
    expect(caught.errors).toEqual([error]);
  });

  it.each([
    [{ topics, rewind: 'all' }, /^hub\.history needs the connection/],
    [{ topics, for: fake }, /^hub\.history: "rewind" must be/],
    [{ topics, rewind: -1, for: fake }, /^hub\.history: "rewind" must be/],
    [{ rewind: 1, for: fake }, /^hub\.history: no topics and no patterns/],
    [
      { topics: ['a', 'b', 'c'], rewind: 1, for: fake },
      /^hub\.history: 3 topics and patterns, but/,
    ],
  ])('refuses %j', async (options, message) => {
    const { hub } = await serve(() => of(), { limits: { topicsPerStream: 2 } });
    await expect(hub.history(options as never)).rejects.toThrow(message);
  });

  it('comes before its cursor also when a refresh holds both back', async () => {
    const { client, answers } = await held();
    expect(client.received).toEqual([]);
    answers.shift()!();
    await client.next('hub.checkpoint');
    expect(client.received.map(({ type }) => type)).toEqual([
      'list',
      'hub.checkpoint',
    ]);
  });

  it('leaves no cursor of a history that changed while a refresh held it back', async () => {
    const log = new RewritableLog();
    const { hub, client, answers } = await held(log);
    await log.rewrite();
    await client.next('hub.reset');
    answers.shift()!();
    await client.next('list');
    await publish(hub, 2);
    expect(await client.next('message')).toMatchObject({ data: 2 });
    expect(client.received.map(({ type }) => type)).toEqual([
      'hub.reset',
      'list',
      'message',
    ]);
  });

  it('is not waited for when the stream is revoked meanwhile', async () => {
    let read: Promise<unknown> | undefined;
    const { hub, messages } = await serve((hub, connection) => {
      read = hub.history({ topics: ['slow'], rewind: 1, for: connection });
      return read;
    });
    const connecting = SseTestClient.connect(messages, {
      headers: { 'x-user': 'ann' },
    });
    await eventually(() => read !== undefined);
    await hub.disconnect({ user: 'ann' }, 'signed-out');
    const client = await connecting;
    expect((await client.untilClosed()).clean).toBe(true);
    expect(client.received.map(({ data }) => data)).toEqual([
      { reason: 'signed-out' },
    ]);
    await expect(read).rejects.toThrow(StreamEndedException);
  });

  it.each([10, 2_000_000])(
    'lets nothing of a list of %d bytes out when the stream behind it is refused',
    async (size) => {
      const { messages } = await serve(async (hub, connection) => {
        const { data, cursor } = await hub.snapshot(() => 'x'.repeat(size));
        const changes = hub.stream({
          topics: ['rooms.ann'],
          after: cursor,
          for: connection,
        });
        return concat(of({ data }), changes);
      });
      const { status, body } = await answer(messages, {
        headers: { 'x-user': 'ben' },
      });
      expect([status, body.message]).toEqual([
        403,
        expect.stringMatching(/rooms\.ann/),
      ]);
    },
  );

  it('goes on where the client was that comes back, without the list', async () => {
    const { hub, messages } = await serve(listThenChanges);
    await publish(hub, 1);
    const client = await SseTestClient.connect(messages);
    expect((await client.next('list')).data).toEqual([1]);
    await client.next('hub.checkpoint');
    await client.dropConnection();
    await publish(hub, 2, 3);
    await client.reconnect();
    expect(await client.next()).toMatchObject({ type: 'message', data: 2 });
    expect(await client.next()).toMatchObject({ data: 3 });
  });
});

describe.each(platforms)('hub.stream after a cursor on %s', (_, adapter) => {
  async function serve(
    after: (hub: EventHub) => unknown,
    rewind?: number,
    pipe = (stream: Observable<HubEvent>) => stream,
  ) {
    @Controller()
    class EventsController {
      constructor(private readonly hub: EventHub) {}

      @Sse('events')
      events(@Connection() connection: SseConnection) {
        const stream = this.hub.stream({
          topics: ['chat'],
          after: after(this.hub) as string,
          rewind,
          for: connection,
        });
        return pipe(stream);
      }
    }
    const { hub, url } = await startApp(adapter, {
      controllers: [EventsController],
      options: { log: new MemoryLog({ maxEvents: 4 }) },
    });
    return { hub, events: `${url}/events` };
  }

  const publish = async (hub: EventHub, from: number, to: number) => {
    const ids: string[] = [];
    for (let data = from; data <= to; data++) {
      ids.push((await hub.publish('chat', { data })).id!);
    }
    await met(hub, ids.at(-1)!);
    return ids;
  };

  it('begins behind it for a client without one', async () => {
    let after = '';
    const { hub, events } = await serve(() => after);
    const ids = await publish(hub, 1, 3);
    after = ids[0]!;
    const client = await SseTestClient.connect(events);
    expect(await client.next()).toMatchObject({ data: 2 });
    expect(client.received[0]).toMatchObject({
      type: 'hub.checkpoint',
      id: after,
    });
  });

  it('continues where a client is that brings its own', async () => {
    let after = '';
    const { hub, events } = await serve(() => after);
    const ids = await publish(hub, 1, 4);
    after = ids[0]!;
    const client = await SseTestClient.connect(events, {
      lastEventId: ids[2]!,
    });
    expect(await client.next()).toMatchObject({ data: 4 });
    const older = await SseTestClient.connect(
      `${events}?lastEventId=${ids[1]}`,
    );
    expect(await older.next()).toMatchObject({ data: 3 });
  });

  it.each([undefined, ''])('begins now after %j', async (after) => {
    const { hub, events } = await serve(() => after);
    await publish(hub, 1, 2);
    const client = await SseTestClient.connect(events);
    await publish(hub, 3, 3);
    expect(await client.next()).toMatchObject({ data: 3 });
  });

  it('tells a client that what is behind it is gone', async () => {
    let after = '';
    const { hub, events } = await serve(() => after);
    const ids = await publish(hub, 1, 9);
    for (const [cursor, reason] of [
      [ids[0]!, 'evicted'],
      ['other-000000000001', 'epoch'],
      ['no cursor', 'malformed'],
    ]) {
      after = cursor!;
      const client = await SseTestClient.connect(events);
      expect((await client.next('hub.reset')).data).toEqual({
        reason,
        cursor: reason === 'malformed' ? null : cursor,
      });
    }
  });

  it('begins there for a client whose own does not hold, and tells it', async () => {
    let after = '';
    const { hub, events } = await serve(() => after);
    const ids = await publish(hub, 1, 9);
    after = ids[6]!;
    const client = await SseTestClient.connect(events, {
      lastEventId: ids[0]!,
    });
    const reset = await client.next('hub.reset');
    expect(reset.id).toBe(after);
    expect(reset.data).toEqual({
      reason: 'evicted',
      cursor: ids[0],
    });
    expect(await client.next()).toMatchObject({ data: 8 });
  });

  it('does not begin there anew when the handler subscribes again', async () => {
    let failures = 0;
    let after = '';
    const { hub, events } = await serve(
      () => after,
      undefined,
      (stream) =>
        stream.pipe(
          tap(({ data }) => {
            if (data === 3) {
              failures++;
              throw new Error('skipped');
            }
          }),
          retry(1),
        ),
    );
    const ids = await publish(hub, 1, 4);
    after = ids[0]!;
    const client = await SseTestClient.connect(events);
    await client.until(() => client.data.includes(4));
    expect(client.data).toEqual([2, 4]);
    expect(failures).toBe(1);
  });

  it('is refused together with rewind, and if it is no text', async () => {
    let after: unknown = 'some-cursor';
    const { hub } = await serve(() => after, 1);
    const stream = (rewind?: number) =>
      hub.stream({
        topics: ['chat'],
        after: after as string,
        rewind,
        for: fake as never,
      });
    expect(() => stream(1)).toThrow(/"after" and "rewind" both say/);
    after = 7;
    expect(() => stream()).toThrow(/"after" must be a cursor/);
    after = '';
    expect(() => stream(1)).not.toThrow();
  });
});
