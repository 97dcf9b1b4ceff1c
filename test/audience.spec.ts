import { Controller, Param, Query, UseGuards } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import {
  Connection,
  EventHub,
  InvalidTopicException,
  Sse,
  SseConnection,
  topic,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from './support/answer.js';
import { CaughtErrors } from './support/caught-errors.js';
import { HeaderUserGuard } from './support/header-user.guard.js';
import { closeApps, platforms, startApp } from './support/running-app.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('Who gets an event, on %s', (_, adapter) => {
  @UseGuards(HeaderUserGuard)
  @Controller()
  class InboxController {
    constructor(private readonly hub: EventHub) {}

    @Sse('inbox')
    inbox(@Connection() connection: SseConnection) {
      return this.hub.stream({
        topics: ['inbox'],
        rewind: 'all',
        for: connection,
      });
    }

    @Sse('everything')
    everything(@Connection() connection: SseConnection) {
      return this.hub.stream({
        patterns: ['**'],
        rewind: 'all',
        for: connection,
      });
    }

    @Sse('users/:id/events')
    ofUser(@Param('id') id: string, @Connection() connection: SseConnection) {
      return this.hub.stream({
        topics: [topic('users', id)],
        rewind: 'all',
        for: connection,
      });
    }

    @Sse('unsafe')
    unsafe(@Query('id') id: string, @Connection() connection: SseConnection) {
      return this.hub.stream({
        topics: [`users.${id}`],
        rewind: 'all',
        for: connection,
      });
    }
  }

  async function start(options?: SseModuleOptions) {
    let caught!: CaughtErrors;
    const running = await startApp(adapter, {
      controllers: [InboxController],
      options,
      configure: (app: INestApplication) => (caught = new CaughtErrors(app)),
    });
    return { ...running, caught };
  }

  const as = (user: string, roles?: string) => ({
    headers: {
      'x-user': user,
      ...(roles !== undefined && { 'x-roles': roles }),
    },
  });

  /** What a client gets up to the event that says `end`. */
  async function untilEnd(client: SseTestClient): Promise<string[]> {
    await client.until(() => client.events.some(({ data }) => data === 'end'));
    return client.events.map(({ data }) => data).slice(0, -1);
  }

  async function publishToPeople(hub: EventHub) {
    await hub.publish('inbox', { data: 'for ann', users: ['ann'] });
    await hub.publish('inbox', { data: 'for bob', users: ['bob'] });
    await hub.publish('inbox', { data: 'for both', users: ['ann', 'bob'] });
    await hub.publish('inbox', { data: 'for editors', roles: ['editor'] });
    await hub.publish('inbox', {
      data: 'for bob and editors',
      users: ['bob'],
      roles: ['editor'],
    });
    await hub.publish('inbox', { data: 'for nobody', users: [], roles: [] });
    await hub.publish('inbox', { data: 'for all' });
    await hub.publish('inbox', { data: 'end' });
  }

  const expected = {
    ann: [
      'for ann',
      'for both',
      'for editors',
      'for bob and editors',
      'for all',
    ],
    bob: ['for bob', 'for both', 'for bob and editors', 'for all'],
    admin: ['for all'],
    nobody: ['for all'],
  };

  it.each(['inbox', 'everything'])(
    'live: only whom it is for, by user or role (%s)',
    async (path) => {
      const { app, hub } = await start();
      const ann = await SseTestClient.connect(
        app,
        `/${path}`,
        as('ann', 'viewer,editor'),
      );
      const bob = await SseTestClient.connect(
        app,
        `/${path}`,
        as('bob', 'viewer'),
      );
      const admin = await SseTestClient.connect(
        app,
        `/${path}`,
        as('admin', 'admin'),
      );
      const nobody = await SseTestClient.connect(app, `/${path}`);
      await publishToPeople(hub);
      expect(await untilEnd(ann)).toEqual(expected.ann);
      expect(await untilEnd(bob)).toEqual(expected.bob);
      expect(await untilEnd(admin)).toEqual(expected.admin);
      expect(await untilEnd(nobody)).toEqual(expected.nobody);
    },
  );

  it.each(['inbox', 'everything'])(
    'in replay: only whom it is for, by user or role (%s)',
    async (path) => {
      const { app, hub } = await start();
      const cursor = await hub.head();
      await publishToPeople(hub);
      for (const query of ['', `?lastEventId=${cursor}`]) {
        const ann = await SseTestClient.connect(
          app,
          `/${path}${query}`,
          as('ann', 'viewer,editor'),
        );
        const bob = await SseTestClient.connect(
          app,
          `/${path}${query}`,
          as('bob', 'viewer'),
        );
        const nobody = await SseTestClient.connect(app, `/${path}${query}`);
        expect(await untilEnd(ann)).toEqual(expected.ann);
        expect(await untilEnd(bob)).toEqual(expected.bob);
        expect(await untilEnd(nobody)).toEqual(expected.nobody);
      }
    },
  );

  it('a user gets an event on all of their streams, once each', async () => {
    const { app, hub } = await start();
    const phone = await SseTestClient.connect(
      app,
      '/inbox',
      as('ann', 'editor'),
    );
    const laptop = await SseTestClient.connect(
      app,
      '/inbox',
      as('ann', 'editor'),
    );
    await hub.publish('inbox', {
      data: 'twice addressed',
      users: ['ann', 'ann'],
      roles: ['editor'],
    });
    await hub.publish('inbox', { data: 'end' });
    expect(await untilEnd(phone)).toEqual(['twice addressed']);
    expect(await untilEnd(laptop)).toEqual(['twice addressed']);
  });

  it('ids compare as strings: the number 42, its text and its BigInt are one user', async () => {
    const { app, hub } = await start();
    const live = await SseTestClient.connect(app, '/inbox', as('42'));
    await hub.publish('inbox', { data: 'text', users: ['42'] });
    await hub.publish('inbox', { data: 'number', users: [42] });
    await hub.publish('inbox', { data: 'big', users: [42n] });
    await hub.publish('inbox', { data: 'other', users: [4, 420, '042'] });
    await hub.publish('inbox', { data: 'end' });
    expect(await untilEnd(live)).toEqual(['text', 'number', 'big']);
    expect(
      await untilEnd(await SseTestClient.connect(app, '/inbox', as('42'))),
    ).toEqual(['text', 'number', 'big']);
  });

  it('a client without a user is not the user "undefined" or "null"', async () => {
    const { app, hub } = await start();
    const nobody = await SseTestClient.connect(app, '/inbox');
    await hub.publish('inbox', {
      data: 'odd names',
      users: ['undefined', 'null', '*'],
      roles: ['undefined', '*'],
    });
    await hub.publish('inbox', { data: 'end' });
    expect(await untilEnd(nobody)).toEqual([]);
  });

  it('a user whose id is a wildcard is only themselves', async () => {
    const { app, hub } = await start();
    const star = await SseTestClient.connect(app, '/inbox', as('*', '*,**'));
    await hub.publish('inbox', {
      data: 'for ann',
      users: ['ann'],
      roles: ['editor'],
    });
    await hub.publish('inbox', { data: 'for the star', users: ['*'] });
    await hub.publish('inbox', { data: 'end' });
    expect(await untilEnd(star)).toEqual(['for the star']);
  });

  it('ephemeral events keep to their audience, and are not replayed', async () => {
    const { app, hub } = await start();
    const ann = await SseTestClient.connect(app, '/inbox', as('ann'));
    const bob = await SseTestClient.connect(app, '/inbox', as('bob'));
    await hub.publish('inbox', {
      data: 'typing',
      users: ['ann'],
      ephemeral: true,
    });
    await hub.publish('inbox', { data: 'end' });
    expect(await untilEnd(ann)).toEqual(['typing']);
    expect(ann.events[0]!.id).toBeUndefined();
    expect(await untilEnd(bob)).toEqual([]);
    expect(
      await untilEnd(await SseTestClient.connect(app, '/inbox', as('ann'))),
    ).toEqual([]);
  });

  it('user, userId and roles of the options decide who a client is', async () => {
    const { app, hub } = await start({
      user: (context) => {
        const { headers } = context
          .switchToHttp()
          .getRequest<{ headers: Record<string, string> }>();
        return {
          account: { number: headers['x-user'] },
          groups: headers['x-roles']!.split(','),
        };
      },
      userId: (user: { account: { number: string } }) => user.account.number,
      roles: (user: { groups: string[] }) => user.groups,
    });
    const client = await SseTestClient.connect(
      app,
      '/inbox',
      as('7', 'staff,night'),
    );
    await hub.publish('inbox', { data: 'by id', users: [7] });
    await hub.publish('inbox', { data: 'by role', roles: ['night'] });
    await hub.publish('inbox', { data: 'day', roles: ['day'] });
    await hub.publish('inbox', { data: 'end' });
    expect(await untilEnd(client)).toEqual(['by id', 'by role']);
  });

  const users: [field: string, user: object][] = [
    ['id', { id: '7', userId: '8', sub: '9' }],
    ['userId', { userId: 7, sub: 9 }],
    ['sub', { sub: '7', email: 'jane@x.org' }],
    ['id, a BigInt', { id: 7n }],
  ];

  it.each(users)("by default a user's id is its %s", async (_field, user) => {
    const { app, hub } = await start({ user: () => user });
    const client = await SseTestClient.connect(app, '/inbox');
    await hub.publish('inbox', { data: 'for 7', users: [7] });
    await hub.publish('inbox', {
      data: 'for others',
      users: [8, 9, 'jane@x.org'],
    });
    await hub.publish('inbox', { data: 'end' });
    expect(await untilEnd(client)).toEqual(['for 7']);
  });

  describe("a topic of a user's id", () => {
    const ids = [
      '*',
      '**',
      'jane@x.org',
      'jane',
      'jane@x',
      'a b',
      '%2A',
      '%',
      'ü',
      'a..b',
      '#',
      '1.2',
    ];

    it('is opened by that id and by no other, whatever the id holds', async () => {
      const { app, hub } = await start();
      const clients = await Promise.all(
        ids.map((id) =>
          SseTestClient.connect(app, `/users/${encodeURIComponent(id)}/events`),
        ),
      );
      for (const id of ids) {
        await hub.publish(topic('users', id), { data: `to ${id}` });
      }
      await hub.publish(topic('users', 'jane@x', 'org'), {
        data: 'below jane@x',
      });
      await hub.publish('users', { data: 'the list' });
      for (const id of ids) {
        await hub.publish(topic('users', id), { data: 'end' });
      }
      for (const [index, client] of clients.entries()) {
        expect(await untilEnd(client)).toEqual([`to ${ids[index]}`]);
        const replayed = await SseTestClient.connect(
          app,
          `/users/${encodeURIComponent(ids[index]!)}/events`,
        );
        expect(await untilEnd(replayed)).toEqual([`to ${ids[index]}`]);
      }
    });

    it('put together by hand is refused when it would be a wildcard', async () => {
      const { url, caught } = await start();
      for (const id of ['*', '**', '', 'a b', 'x.*']) {
        expect(
          (await answer(`${url}/unsafe?id=${encodeURIComponent(id)}`)).status,
        ).toBe(500);
      }
      expect(caught.errors).toHaveLength(5);
      expect(
        caught.errors.every((error) => error instanceof InvalidTopicException),
      ).toBe(true);
      expect(caught.errors[0]!.message).toMatch(/topic\(\)/);
    });
  });
});
