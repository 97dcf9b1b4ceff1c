import {
  Controller,
  Get,
  NotFoundException,
  Param,
  Query,
  UseGuards,
} from '@nestjs/common';
import type { PresenceChange, SseModuleOptions } from 'nestjs-sse-hub';
import {
  Connection,
  EventHub,
  InvalidTopicException,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { map } from 'rxjs';
import type { Observable } from 'rxjs';
import { answer } from '../support/answer.js';
import { eventually, settled } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

/** Longer than a test takes. */
const LONG = 600_000;

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

/** Values as they come; it cannot be interrupted while it waits for one. */
async function* eachOf<T>(source: Observable<T>): AsyncGenerator<T> {
  const queue: T[] = [];
  let wake = (): void => undefined;
  const subscription = source.subscribe((value) => {
    queue.push(value);
    wake();
  });
  try {
    for (;;) {
      yield* queue.splice(0);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    subscription.unsubscribe();
  }
}

describe.each(platforms)('Presence on %s', (_, adapter) => {
  let gate: Promise<void>;
  let openGate: () => void;

  beforeEach(() => {
    gate = new Promise((resolve) => (openGate = resolve));
  });

  @UseGuards(HeaderUserGuard)
  @Controller()
  class RoomsController {
    constructor(private readonly hub: EventHub) {}

    @Sse('rooms')
    rooms(
      @Query('topics') topics: string,
      @Connection() connection: SseConnection,
    ) {
      return this.hub.stream({ topics: topics.split(','), for: connection });
    }

    @Sse('all')
    all(@Connection() connection: SseConnection) {
      return this.hub.stream({ patterns: ['**'], for: connection });
    }

    @Sse('never-subscribed')
    async neverSubscribed(@Connection() connection: SseConnection) {
      this.hub.stream({ topics: ['room'], for: connection });
      return Promise.reject(new NotFoundException());
    }

    @Sse('quiet')
    async *quiet(@Connection() connection: SseConnection) {
      yield* eachOf(this.hub.stream({ topics: ['room'], for: connection }));
    }

    @Sse('late')
    async *late(@Connection() connection: SseConnection) {
      yield 'begin';
      await gate;
      yield* eachOf(this.hub.stream({ topics: ['room'], for: connection }));
    }

    @Sse('who')
    who() {
      return this.hub.presence$('room').pipe(map((data) => ({ data })));
    }

    @Get('present/:topic')
    present(@Param('topic') topic: string) {
      return this.hub.presence(topic);
    }
  }

  async function start(options?: SseModuleOptions) {
    const running = await startApp(adapter, {
      controllers: [RoomsController],
      options,
    });
    const changes: string[] = [];
    const end = { completed: false };
    running.hub.presence$('room').subscribe({
      next: ({ type, user, topic }: PresenceChange) =>
        changes.push(`${user} ${type} ${topic}`),
      complete: () => (end.completed = true),
    });
    return { ...running, changes, end };
  }

  const as = (user: string | undefined) =>
    user === undefined ? {} : { headers: { 'x-user': user } };

  it('is the users whose streams name a topic, each once', async () => {
    const { hub, app, url, changes } = await start();
    const room = `${url}/rooms?topics=room`;
    for (const user of ['ann', 'ann', 'ann', '42', undefined]) {
      const client = await SseTestClient.connect(room, as(user));
      await client.next('hub.checkpoint');
    }
    await SseTestClient.connect(app, '/rooms?topics=hall,room', as('bob'));
    await SseTestClient.connect(app, '/rooms?topics=hall', as('cem'));
    await SseTestClient.connect(app, '/all', as('dee'));
    expect((await answer(`${url}/never-subscribed`, as('eve'))).status).toBe(
      404,
    );

    expect(hub.presence('room')).toEqual({
      count: 3,
      users: ['ann', '42', 'bob'],
    });
    expect(hub.presence('hall').users).toEqual(['bob', 'cem']);
    expect(hub.presence('nowhere')).toEqual({ count: 0, users: [] });
    expect((await answer(`${url}/present/room`)).body).toEqual(
      hub.presence('room'),
    );
    expect(changes).toEqual([
      'ann joined room',
      '42 joined room',
      'bob joined room',
    ]);
  });

  it('says that a user left when the last stream is gone and the grace over', async () => {
    const { hub, url, changes } = await start({ presenceGrace: 0 });
    const room = `${url}/rooms?topics=room`;
    const tabs = [
      await SseTestClient.connect(room, as('ann')),
      await SseTestClient.connect(room, as('ann')),
    ];
    const bob = await SseTestClient.connect(room, as('bob'));
    await tabs[0]!.dropConnection();
    await eventually(() => hub.connections().length === 2);
    await bob.dropConnection();
    await eventually(() => changes.includes('bob left room'));
    expect(hub.presence('room').users).toEqual(['ann']);
    await tabs[1]!.dropConnection();
    await eventually(() => changes.includes('ann left room'));
    expect(hub.presence('room').count).toBe(0);
    expect(changes).toEqual([
      'ann joined room',
      'bob joined room',
      'bob left room',
      'ann left room',
    ]);
  });

  it('is not left by a reconnect', async () => {
    const { hub, app, changes } = await start({ presenceGrace: LONG });
    const client = await SseTestClient.connect(
      app,
      '/rooms?topics=room',
      as('ann'),
    );
    for (let n = 0; n < 3; n++) {
      await client.dropConnection();
      expect(hub.presence('room').users).toEqual(['ann']);
      await client.reconnect();
      await client.next('hub.checkpoint');
    }
    expect(await settled(() => changes.length, 50)).toBe(1);
    expect(changes).toEqual(['ann joined room']);
  });

  it('is of who listens from now on', async () => {
    const { hub, app } = await start();
    const later: string[] = [];
    await SseTestClient.connect(app, '/rooms?topics=room', as('ann'));
    hub.presence$('room').subscribe(({ user }) => later.push(user));
    await SseTestClient.connect(app, '/rooms?topics=room', as('bob'));
    await eventually(() => later.length > 0);
    expect(later).toEqual(['bob']);
  });

  it.each(['quiet', 'late'])(
    'leaves with the client also where a generator holds on to the stream: %s',
    async (route) => {
      const { hub, app } = await start({ presenceGrace: 0 });
      const client = await SseTestClient.connect(app, `/${route}`, as('ann'));
      if (route === 'quiet') {
        await eventually(() => hub.presence('room').count === 1);
      }
      await client.dropConnection();
      openGate();
      if (route === 'quiet') {
        await eventually(() => hub.presence('room').count === 0);
      } else {
        await settled(() => hub.presence('room').count);
      }
      expect(hub.presence('room').users).toEqual([]);
    },
  );

  it('as a stream does not say hub.complete when the application closes', async () => {
    const { app } = await start();
    const client = await SseTestClient.connect(app, '/who');
    await app.close();
    expect((await client.untilClosed()).clean).toBe(true);
    expect(client.received).toEqual([]);
  });

  it('ends with the application, and nobody is said to have left', async () => {
    const { app, hub, changes, end } = await start({ presenceGrace: 0 });
    const client = await SseTestClient.connect(
      app,
      '/rooms?topics=room',
      as('ann'),
    );
    await app.close();
    expect((await client.untilClosed()).clean).toBe(true);
    expect(await settled(() => changes.length, 50)).toBe(1);
    expect(end.completed).toBe(true);
    let late = false;
    hub.presence$('room').subscribe({ complete: () => (late = true) });
    expect(late).toBe(true);
  });

  it.each(['room.*', '', 'a..b'])(
    'refuses %p, which is no topic',
    async (topic) => {
      const { hub } = await start();
      expect(() => hub.presence(topic)).toThrow(InvalidTopicException);
      expect(() => hub.presence$(topic)).toThrow(InvalidTopicException);
    },
  );
});
