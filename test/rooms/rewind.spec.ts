import { AsyncLocalStorage } from 'node:async_hooks';
import { EventHub, StreamEndedException } from 'nestjs-sse-hub';
import type { JoinOptions, SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient } from 'nestjs-sse-hub/testing';
import { eventually, settled } from '../support/eventually.js';
import { platforms } from '../support/running-app.js';
import { SharedHistory } from '../support/shared-log.js';
import {
  PagedLog,
  enterPaged,
  enterRooms,
  leaveRooms,
  served,
  taps,
} from './rooms-app.js';

afterEach(leaveRooms);

describe.each(platforms)('Rooms on %s', (_, adapter) => {
  const enter = (path?: string, options?: SseModuleOptions) =>
    enterRooms(adapter, path, options);

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
      await client.until(() => client.events.length === count + 2);
      return { ...entered, before: lastEventId };
    };

    it('all of it, behind the cursor and so without ids', async () => {
      const { client, before } = await rewound('all', 5);
      expect(client.data).toEqual(['hello', 1, 2, 3, 4, 5, 6]);
      const ids = client.events.map(({ id }) => id);
      expect(ids.slice(1, 6)).toEqual(Array(5).fill(undefined));
      expect(ids[6]! > before!).toBe(true);
    });

    it('the last so many', async () => {
      const { client } = await rewound(2, 2);
      expect(client.data).toEqual(['hello', 4, 5, 6]);
    });

    it('since a time', async () => {
      const past = await rewound({ since: new Date(0) }, 5);
      expect(past.client.data).toEqual(['hello', 1, 2, 3, 4, 5, 6]);
      const future = await rewound({ since: new Date(Date.now() + 60_000) }, 0);
      expect(future.client.data).toEqual(['hello', 6]);
    });

    it('of no more than its audience, types and where let through', async () => {
      const { connection, client, say } = await enter('events?q=notes');
      await say('rooms.1', 'a message');
      await say('rooms.1', 'not yours', { type: 'note', users: [43] });
      await say('rooms.1', 'unwanted', { type: 'note' });
      await say('rooms.1', 'yours', { type: 'note', users: [42] });
      await connection.join('rooms.1', { rewind: 'all' });
      await say('rooms.1', 'end', { type: 'note' });
      await client.until(() => client.events.length === 2);
      expect(client.data).toEqual(['yours', 'end']);
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
      log.hold('read');
      const joined = connection.join('rooms.1', { rewind: 'all' });
      await eventually(() => log.asked > 0);
      await say('lobby', 'later');
      await say('rooms.1', 'last');
      expect(await settled(() => client.events.length, 50)).toBe(0);
      log.goOn();
      await joined;
      await client.until(() => client.events.length >= 1_002);
      expect(client.data).toEqual([
        ...Array.from({ length: 1_000 }, (__, n) => 2 * n + 1),
        'later',
        'last',
      ]);
    });

    it('to who comes back to it, though it was shown before', async () => {
      const { connection, say, heard } = await enter();
      await connection.join('rooms.1');
      await say('rooms.1', 1);
      await heard(1);
      connection.leave('rooms.1');
      await connection.join('rooms.1', { rewind: 'all' });
      await connection.join('rooms.1', { rewind: 'all' });
      await heard(1, 1);
    });

    it('not in the context of the request that joins', async () => {
      const requests = new AsyncLocalStorage<string>();
      const { connection, client, say } = await enter('tapped');
      await say('rooms.1', 'before');
      await say('lobby', 'hello');
      await client.next();
      const seen: unknown[] = [];
      taps.onEvent = () => seen.push(requests.getStore());
      await requests.run('a POST', () =>
        connection.join('rooms.1', { rewind: 'all' }),
      );
      requests.run('a POST', () => connection.leave('rooms.1'));
      await say('lobby', 'bye');
      await client.until(() => client.events.length === 3);
      expect(seen).toEqual([undefined, undefined]);
    });

    it('until it is left', async () => {
      const { connection, client, say } = await enter('tapped');
      for (let n = 1; n <= 5; n++) {
        await say('rooms.1', n);
      }
      await say('lobby', 'hello');
      await client.next();
      taps.onEvent = ({ data }) => data === 3 && connection.leave('rooms.1');
      await connection.join('rooms.1', { rewind: 'all' });
      await say('rooms.1', 6);
      await say('lobby', 'bye');
      await client.until(() => client.events.at(-1)?.data === 'bye');
      expect(client.data).toEqual(['hello', 1, 2, 3, 'bye']);
    });

    it.each<[string, (hub: EventHub) => Promise<void>, string]>([
      [
        'the topic is disconnected',
        (hub) => hub.disconnect({ topic: 'rooms.1' }, 'room-closed'),
        'room-closed',
      ],
      [
        'the user is not there any more',
        (hub) => hub.refresh({ user: 42 }),
        'revoked',
      ],
    ])('until %s', async (__, end, reason) => {
      const { connection, client, hub, log } = await enterPaged(adapter, 600, {
        loadUser: () => undefined,
      });
      const failed = expect(
        connection.join('rooms.1', { rewind: 'all' }),
      ).rejects.toThrow(StreamEndedException);
      await eventually(() => log.asked > 0);
      await end(hub);
      await failed;
      log.goOn();
      expect((await client.next('hub.closed')).data).toEqual({
        reason,
      });
      expect(client.data).toEqual([]);
    });

    it('for the roles of now, when the user was refreshed meanwhile', async () => {
      const log = new PagedLog();
      const { connection, client, hub, say } = await enter('events', {
        log,
        window: { events: 2 },
        loadUser: (id) => ({ id, roles: ['guest'] }),
      });
      for (let n = 1; n <= 600; n++) {
        await say('rooms.1', n, n % 2 ? { roles: ['member'] } : {});
      }
      await say('rooms.1', 'for guests', { roles: ['guest'] });
      log.hold('read');
      const joining = connection.join('rooms.1', { rewind: 'all' });
      await eventually(() => log.asked > 0);
      await hub.refresh({ user: 42 });
      log.goOn();
      await joining;
      await client.until(() => client.events.length >= 301);
      expect(client.data).toEqual([
        ...Array.from({ length: 300 }, (___, n) => 2 * n + 2),
        'for guests',
      ]);
    });

    it('and a history that is lost meanwhile is told, not waited for', async () => {
      const history = new SharedHistory();
      const log = history.node();
      const { app, say } = await enter('events', {
        log,
        window: { events: 2 },
      });
      // Nobody in particular: who is known to the guards is sent back to them.
      const client = await SseTestClient.connect(app, '/events');
      await client.next('hub.checkpoint');
      const connection = served.at(-1)!;
      for (let n = 1; n <= 10; n++) {
        await say('rooms.1', n);
      }
      log.goAway();
      const joining = connection.join('rooms.1', { rewind: 'all' });
      history.loseHistory();
      log.comeBack();
      await client.next('hub.reset');
      await joining;
      await say('rooms.1', 'of the new one');
      await client.until(() => client.events.length > 0);
      expect(client.data).toEqual(['of the new one']);
    });

    it('and a drop meanwhile loses nothing of the other topics', async () => {
      const { connection, client, say, log } = await enterPaged(adapter, 600);
      const { lastEventId } = client;
      const failed = expect(
        connection.join('rooms.1', { rewind: 'all' }),
      ).rejects.toThrow(StreamEndedException);
      await eventually(() => log.asked > 0);
      await say('lobby', 'missed');
      await client.dropConnection();
      await failed;
      // Nothing that it was given has moved its cursor past the lobby's event.
      expect(client.lastEventId).toBe(lastEventId);
      log.goOn();
      await client.reconnect();
      await client.next();
      await served.at(-1)!.join('rooms.1', { rewind: 2 });
      await client.until(() => client.events.length >= 3);
      expect(client.data).toEqual(['missed', 599, 600]);
    });
  });
});
