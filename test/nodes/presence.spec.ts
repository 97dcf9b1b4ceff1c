import { Controller, Get, Param, Query, UseGuards } from '@nestjs/common';
import { jest } from '@jest/globals';
import {
  Connection,
  EventHub,
  InvalidEventException,
  InvalidTopicException,
  MemoryLog,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { EventLog, PresenceChange } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import { engines } from '../support/engines.js';
import type { Engine } from '../support/engines.js';
import { eventually, settled } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import type { RunningApp } from '../support/running-app.js';

jest.setTimeout(60_000);

@UseGuards(HeaderUserGuard)
@Controller()
class RoomsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('rooms/:room')
  room(@Param('room') room: string, @Connection() connection: SseConnection) {
    return this.hub.stream({ topics: [room], for: connection });
  }

  @Sse('everything')
  everything(
    @Query('rewind') rewind: 'all' | undefined,
    @Connection() connection: SseConnection,
  ) {
    return this.hub.stream({ patterns: ['**', '*'], rewind, for: connection });
  }

  @Get('present/:room')
  present(@Param('room') room: string) {
    return this.hub.presence(room);
  }
}

interface Node extends RunningApp {
  readonly changes: string[];
  readonly log: EventLog;
}

const as = (user: string) => ({ headers: { 'x-user': user } });

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(engines)('Presence of nodes that share %s', (_, startEngine) => {
  let engine: Engine;

  beforeEach(async () => {
    engine = await startEngine();
  });

  afterEach(async () => {
    await closeApps();
    await engine.dispose();
  });

  describe.each(platforms)('on %s', (__, adapter) => {
    async function start(presenceGrace = 10_000): Promise<Node> {
      const log = engine.log();
      const running = await startApp(adapter, {
        controllers: [RoomsController],
        options: { log, presenceGrace },
      });
      const changes: string[] = [];
      running.hub
        .presence$('room')
        .subscribe(({ type, user }: PresenceChange) => {
          changes.push(`${user} ${type}`);
        });
      return { ...running, changes, log };
    }

    const startThree = (grace?: number): Promise<Node[]> =>
      Promise.all([start(grace), start(grace), start(grace)]);

    async function open({ app }: Node, user: string): Promise<SseTestClient> {
      const client = await SseTestClient.connect(app, '/rooms/room', as(user));
      await client.next('hub.checkpoint');
      return client;
    }

    const here = ({ hub }: Node): string =>
      [...hub.presence('room').users].sort().join();

    const everywhere = (nodes: readonly Node[], users: string) =>
      eventually(() => nodes.every((node) => here(node) === users));

    it('is one for all, and each node tells it once', async () => {
      const nodes = await startThree(0);
      const [a, b, c] = nodes as [Node, Node, Node];
      const ann = [await open(a, 'ann')];
      await everywhere(nodes, 'ann');
      ann.push(await open(b, 'ann'));
      // Who knows of bob knows all that b has told, and so of ann there.
      await open(b, 'bob');
      await everywhere(nodes, 'ann,bob');
      expect((await answer(`${c.url}/present/room`)).body).toEqual({
        count: 2,
        users: expect.arrayContaining(['ann', 'bob']),
      });
      await ann[0]!.dropConnection();
      await eventually(() => a.hub.connections().length === 0);
      await ann[1]!.dropConnection();
      await everywhere(nodes, 'bob');
      for (const { changes } of nodes) {
        await eventually(() => changes.length === 3);
        expect([...changes].sort()).toEqual([
          'ann joined',
          'ann left',
          'bob joined',
        ]);
      }
    });

    it('a node that starts learns who is there', async () => {
      const first = await start();
      await open(first, 'ann');
      const late = await start();
      await everywhere([late], 'ann');
      expect(late.changes).toEqual(['ann joined']);
      expect(first.changes).toEqual(['ann joined']);
    });

    it('who goes to another node, because of a network or a deploy, has not left', async () => {
      const nodes = await startThree();
      const [a, b, c] = nodes as [Node, Node, Node];
      const first = await open(a, 'ann');
      await everywhere(nodes, 'ann');
      await first.dropConnection();
      await eventually(() => a.hub.connections().length === 0);
      const second = await open(b, 'ann');
      await b.app.close();
      await second.untilClosed();
      await open(c, 'ann');
      await open(a, 'end');
      await everywhere([a, c], 'ann,end');
      expect([a.changes, c.changes]).toEqual(
        Array(2).fill(['ann joined', 'end joined']),
      );
    });

    it('who was connected to a node that closes has left when the grace is over', async () => {
      const nodes = await startThree(300);
      const [a, b, c] = nodes as [Node, Node, Node];
      await open(a, 'ann');
      await everywhere(nodes, 'ann');
      await a.app.close();
      await everywhere([b, c], '');
      expect([a.changes, b.changes, c.changes]).toEqual([
        ['ann joined'],
        ['ann joined', 'ann left'],
        ['ann joined', 'ann left'],
      ]);
    });

    it('holds while the engine is away, and is right again when it is back', async () => {
      const nodes = await startThree(0);
      const [a, b, c] = nodes as [Node, Node, Node];
      await open(a, 'ann');
      const bob = await open(b, 'bob');
      await everywhere(nodes, 'ann,bob');
      await engine.goAway();
      await eventually(() =>
        nodes.every(({ log }) => log.health().status === 'down'),
      );
      await bob.dropConnection();
      await eventually(() => here(b) === 'ann');
      expect([here(a), here(c)]).toEqual(['ann,bob', 'ann,bob']);
      await engine.comeBack();
      await everywhere(nodes, 'ann');
      for (const { changes } of nodes) {
        expect([...changes].sort()).toEqual([
          'ann joined',
          'bob joined',
          'bob left',
        ]);
      }
    });

    it('nobody leaves whose stream has to wait for the engine', async () => {
      const [a, b] = await Promise.all([start(0), start(0)]);
      const first = await open(a, 'ann');
      await everywhere([a, b], 'ann');
      await engine.goAway();
      await eventually(() => a.log.health().status === 'down');
      // From a node that was further: only the engine knows whether that is so.
      const further = `${first.lastEventId!.slice(0, -1)}z`;
      const second = await SseTestClient.connect(a.app, '/rooms/room', {
        ...as('ann'),
        lastEventId: further,
      });
      await first.dropConnection();
      await eventually(() => a.hub.connections().length === 1);
      await settled(() => a.changes.length, 50);
      await engine.comeBack();
      await second.next('hub.reset');
      await open(b, 'end');
      await everywhere([a, b], 'ann,end');
      for (const { changes } of [a, b]) {
        expect(changes).toEqual(['ann joined', 'end joined']);
      }
    });

    it('what nodes say to each other reaches no stream and no listener', async () => {
      const nodes = await startThree(0);
      const [a, b, c] = nodes as [Node, Node, Node];
      const heard: string[] = [];
      for (const { hub } of nodes) {
        hub
          .listen({ patterns: ['**', '*', '*.**'], audience: 'all' })
          .subscribe(({ topic, type }) => heard.push(`${topic} ${type}`));
        hub
          .listen({ patterns: ['**'] })
          .subscribe(({ topic, type }) => heard.push(`${topic} ${type}`));
      }
      const spies = [
        await SseTestClient.connect(a.app, '/everything'),
        await SseTestClient.connect(b.app, '/everything?rewind=all', as('spy')),
        await SseTestClient.connect(c.app, '/everything', as('hub')),
      ];
      const secret = await open(a, 'secret-name');
      await everywhere(nodes, 'secret-name');
      await a.hub.disconnect({ user: 'nobody' });
      await secret.dropConnection();
      await everywhere(nodes, '');
      await a.hub.publish('end', { data: 'end' });
      await a.hub.publish('end', { data: 'ephemeral', ephemeral: true });
      for (const spy of spies) {
        await spy.until(() => spy.events.length === 2);
      }
      // What is ephemeral has reached all nodes by now.
      const late = await SseTestClient.connect(b.app, '/everything?rewind=all');
      await late.until(() => late.events.length === 1);
      for (const { text } of [...spies, late]) {
        expect(text).not.toContain('secret-name');
        expect(text).not.toContain('*hub');
        expect(text).not.toContain('hub.presence');
      }
      await eventually(() => heard.length === 3 * 2 * 2);
      expect(new Set(heard)).toEqual(new Set(['end message']));
    });

    it('nobody can ask for it, nor say it', async () => {
      const { hub } = await start();
      const hidden = '*hub';
      expect(() => hub.listen({ topics: [hidden] })).toThrow(
        InvalidTopicException,
      );
      expect(() => hub.listen({ patterns: ['*hub'] })).toThrow(
        InvalidTopicException,
      );
      for (const ephemeral of [true, false]) {
        await expect(
          hub.publish(hidden, { data: {}, ephemeral }),
        ).rejects.toThrow(InvalidTopicException);
        await expect(
          hub.publish('room', {
            type: 'hub.presence.changes',
            data: {},
            ephemeral,
          }),
        ).rejects.toThrow(InvalidEventException);
      }
    });
  });
});

it('Presence signals nothing on a log that is not shared', async () => {
  const log = new MemoryLog();
  const signal = jest.spyOn(log, 'signal');
  const [, adapter] = platforms[0]!;
  const { app, hub } = await startApp(adapter, {
    controllers: [RoomsController],
    options: { log, presenceGrace: 0 },
  });
  const client = await SseTestClient.connect(app, '/rooms/room', as('ann'));
  await eventually(() => hub.presence('room').count === 1);
  await client.dropConnection();
  await eventually(() => hub.presence('room').count === 0);
  await app.close();
  expect(signal).not.toHaveBeenCalled();
});
