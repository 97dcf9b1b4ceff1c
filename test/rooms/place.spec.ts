import { Injectable } from '@nestjs/common';
import type { Provider } from '@nestjs/common';
import { TopicPolicy } from 'nestjs-sse-hub';
import type { SseModuleOptions, TopicAuthorizer } from 'nestjs-sse-hub';
import { SseTestClient } from 'nestjs-sse-hub/testing';
import { eventually, settled } from '../support/eventually.js';
import { platforms } from '../support/running-app.js';
import { SharedHistory } from '../support/shared-log.js';
import {
  PagedLog,
  enterRooms,
  leaveRooms,
  served,
  startRooms,
} from './rooms-app.js';

afterEach(leaveRooms);

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe.each(platforms)(
  'A topic is joined where the stream is (%s):',
  (_, adapter) => {
    /** An app whose log has numbers, the odd ones in the lobby and the even ones in a room. */
    async function withNumbers(
      count: number,
      options: SseModuleOptions,
      providers: Provider[] = [],
    ) {
      const running = await startRooms(adapter, options, providers);
      const say = (topic: string, data: unknown) =>
        running.hub.publish(topic, { data });
      const ids: string[] = [];
      for (const n of numbers(1, count)) {
        ids.push((await say(n % 2 ? 'lobby' : 'rooms.1', n)).id!);
      }
      await eventually(() => running.hub.health().position === ids.at(-1));
      return { ...running, say, ids };
    }

    it('while it replays', async () => {
      const log = new PagedLog();
      const { app, say, ids } = await withNumbers(1_500, {
        log,
        window: { events: 8 },
      });
      log.hold('read');
      const client = await SseTestClient.connect(app, '/events', {
        lastEventId: ids[0],
      });
      await eventually(() => log.asked > 0);
      await served[0]!.join('rooms.1');
      expect(client.events).toEqual([]);
      log.goOn();
      await say('rooms.1', 1_501);
      await client.until(() => client.lastEventId! > ids.at(-1)!);
      expect(client.data).toEqual(numbers(2, 1_501));
      const cursors = client.events.map(({ id }) => id);
      expect(cursors.slice(0, -1)).toEqual(ids.slice(1));
    });

    it('while it replays, with what was before first', async () => {
      const log = new PagedLog();
      const { app, ids } = await withNumbers(1_500, {
        log,
        window: { events: 8 },
      });
      log.hold('read');
      const client = await SseTestClient.connect(app, '/events', {
        lastEventId: ids[9],
      });
      await eventually(() => log.asked > 0);
      const joining = served[0]!.join('rooms.1', { rewind: 'all' });
      await settled(() => log.asked, 50);
      log.goOn();
      await joining;
      await client.until(() => client.lastEventId === ids.at(-1));
      expect(client.data).toEqual([2, 4, 6, 8, 10, ...numbers(11, 1_500)]);
    });

    it('while it waits for the log to say where it starts', async () => {
      const log = new PagedLog();
      const { app, say, ids } = await withNumbers(20, {
        log,
        window: { events: 2 },
      });
      log.hold('readBack');
      const client = await SseTestClient.connect(app, '/events', {
        lastEventId: ids[3],
      });
      await eventually(() => log.asked > 0);
      await served[0]!.join('rooms.1');
      let isRewound = false;
      const rewound = served[0]!
        .join('rooms.2', { rewind: 'all' })
        .then(() => (isRewound = true));
      await say('rooms.2', 21);
      await settled(() => client.received.length, 50);
      expect(isRewound).toBe(false);
      log.goOn();
      await rewound;
      await client.until(() => client.events.length === 17);
      expect(client.data).toEqual(numbers(5, 21));
    });

    it('as soon as it is allowed itself, though it waits for the log', async () => {
      let allow!: (answer: boolean) => void;
      @Injectable()
      @TopicPolicy('lobby')
      class LobbyPolicy implements TopicAuthorizer {
        canSubscribe(): Promise<boolean> {
          return new Promise((resolve) => (allow = resolve));
        }
      }
      const log = new PagedLog();
      const { app, ids } = await withNumbers(
        20,
        { log, window: { events: 2 } },
        [LobbyPolicy],
      );
      log.hold('readBack');
      const connecting = SseTestClient.connect(app, '/events', {
        lastEventId: ids[3],
      });
      await eventually(() => allow !== undefined);
      let isJoined = false;
      const joined = served[0]!.join('rooms.1').then(() => (isJoined = true));
      await settled(() => log.asked, 50);
      expect(isJoined).toBe(false);
      allow(true);
      await joined;
      log.goOn();
      const client = await connecting;
      await client.until(() => client.events.length === 16);
      expect(client.data).toEqual(numbers(5, 20));
    });

    it('while it is congested', async () => {
      const { client, connection, say } = await enterRooms(adapter);
      client.pause();
      const filler = 'x'.repeat(200_000);
      let count = 0;
      while (!connection.congested || count < 50) {
        await say('lobby', { n: ++count, filler });
        await settled(() => count, 3);
      }
      await connection.join('rooms.1');
      await say('rooms.1', { n: ++count });
      connection.leave('lobby');
      await say('lobby', { n: 0 });
      await say('rooms.1', { n: ++count });
      client.resume();
      await client.until(() => client.data.at(-1)?.n === count);
      const got = client.data.map(({ n }) => n as number);
      // What the stream had not reached when it left the lobby is not of the lobby any more.
      const reached = got.length - 2;
      expect(got).toEqual([...numbers(1, reached), count - 1, count]);
    });

    it('while it is ahead of this node', async () => {
      const history = new SharedHistory();
      const ahead = await startRooms(adapter, { log: history.node() });
      const log = history.node();
      const behind = await startRooms(adapter, { log });
      await ahead.hub.publish('rooms.1', { data: 1 });
      const first = await ahead.hub.publish('rooms.2', { data: 2 });
      await eventually(() => behind.hub.health().position === first.id);
      log.hold();
      await ahead.hub.publish('rooms.1', { data: 3 });
      const last = await ahead.hub.publish('lobby', { data: 4 });

      const client = await SseTestClient.connect(behind.app, '/events', {
        lastEventId: last.id,
      });
      const connection = served[0]!;
      await eventually(() => connection.reached === last.id);
      await connection.join('rooms.2');
      let isRewound = false;
      const rewound = connection
        .join('rooms.1', { rewind: 2 })
        .then(() => (isRewound = true));
      await settled(() => client.received.length, 50);
      expect(isRewound).toBe(false);
      await ahead.hub.publish('rooms.2', { data: 5 });
      log.release();
      await rewound;
      await client.until(() => client.events.length >= 3);
      await settled(() => client.received.length, 50);
      // All of the room that there is, in its order; and nothing twice.
      expect(client.data.filter((n) => n !== 5)).toEqual([1, 3]);
      expect(client.data).toContain(5);
      expect(client.lastEventId! >= last.id!).toBe(true);
    });
  },
);
