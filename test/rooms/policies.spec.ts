import { ForbiddenException, Injectable } from '@nestjs/common';
import type { Provider } from '@nestjs/common';
import {
  AuthorizationTimeoutException,
  StreamEndedException,
  TopicForbiddenException,
  TopicPolicy,
} from 'nestjs-sse-hub';
import type { SseModuleOptions, TopicAuthorizer } from 'nestjs-sse-hub';
import { answer } from '../support/answer.js';
import { eventually } from '../support/eventually.js';
import { platforms } from '../support/running-app.js';
import { enterPaged, enterRooms, leaveRooms } from './rooms-app.js';

afterEach(leaveRooms);

describe.each(platforms)('Rooms on %s', (_, adapter) => {
  const enter = (
    path?: string,
    options?: SseModuleOptions,
    providers?: Provider[],
  ) => enterRooms(adapter, path, options, providers);

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

    it('is asked anew for who left meanwhile and joins again', async () => {
      let say!: (answer: boolean) => void;
      const entered = await guarded();
      verdict = () => new Promise((resolve) => (say = resolve));
      const first = entered.connection.join('rooms.1');
      const failed = expect(first).rejects.toThrow(TopicForbiddenException);
      await eventually(() => asked.length === 1);
      entered.connection.leave('rooms.1');
      verdict = () => true;
      const second = entered.connection.join('rooms.1');
      say(false);
      await failed;
      await second;
      await entered.say('rooms.1', 'joined');
      await entered.heard('joined');
    });

    it('that does not answer in time fails the join, and the stream goes on', async () => {
      const { connection, say, heard } = await guarded({
        authorizationTimeout: 50,
      });
      verdict = () => new Promise(() => undefined);
      await expect(
        connection.join('rooms.1', { rewind: 'all' }),
      ).rejects.toThrow(AuthorizationTimeoutException);
      await say('rooms.1', 'not joined');
      await say('lobby', 'hello');
      await heard('hello');
    });

    it('that does not answer in time is a 503 to the page that asks for the topic', async () => {
      const { connection, url } = await guarded({ authorizationTimeout: 50 });
      verdict = () => new Promise(() => undefined);
      const { status, body } = await answer(
        `${url}/join?id=${connection.id}&topic=rooms.1`,
        { method: 'POST', headers: { 'x-user': '42' } },
      );
      expect(status).toBe(503);
      expect(body).toMatchObject({
        message: expect.stringMatching(
          /"rooms\.1" .* authorizationTimeout \(50 ms\)/,
        ),
      });
    });

    it('that thinks keeps no other topic waiting', async () => {
      let say!: (answer: boolean) => void;
      const entered = await guarded();
      verdict = () => new Promise((resolve) => (say = resolve));
      const joining = entered.connection.join('rooms.1', { rewind: 'all' });
      await eventually(() => asked.length === 1);
      await entered.connection.join('halls.1');
      await entered.connection.join('halls.2', { rewind: 'all' });
      await entered.say('halls.1', 'one');
      await entered.say('halls.2', 'two');
      await entered.heard('one', 'two');
      say(true);
      await joining;
      await entered.say('rooms.1', 'three');
      await entered.heard('one', 'two', 'three');
    });

    it('is not too late for the end of the lease', async () => {
      const { connection, client } = await guarded({
        leaseUntil: () => new Date(Date.now() + 300),
      });
      verdict = () => new Promise(() => undefined);
      await expect(connection.join('rooms.1')).rejects.toThrow(
        StreamEndedException,
      );
      expect((await client.next('hub.closed')).data).toEqual({
        reason: 'expired',
      });
    });

    it('that thinks or says no is no presence', async () => {
      let say!: (answer: boolean) => void;
      const { connection, hub } = await guarded();
      verdict = () => new Promise((resolve) => (say = resolve));
      const failed = expect(connection.join('rooms.1')).rejects.toThrow(
        TopicForbiddenException,
      );
      await eventually(() => asked.length === 1);
      expect(hub.presence('rooms.1').users).toEqual([]);
      say(false);
      await failed;
      expect(hub.presence('rooms.1').users).toEqual([]);
      expect(hub.presence('lobby').users).toEqual(['42']);
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
      expect(data).toEqual({ reason: 'room-closed' });
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

    it('is not asked before the user is loaded who is being refreshed', async () => {
      let load!: (user: unknown) => void;
      const { connection, hub, say, heard } = await guarded({
        loadUser: () => new Promise((resolve) => (load = resolve)),
      });
      await hub.refresh({ user: 42 });
      const joining = connection.join('rooms.1', { rewind: 'all' });
      await say('rooms.1', 'hello');
      expect(asked).toEqual([]);
      load({ id: 42, roles: ['guest'] });
      await joining;
      expect(asked).toEqual(['guest rooms.1']);
      await heard('hello');
    });

    it('is asked again when the stream was asked about meanwhile', async () => {
      let say!: (answer: boolean) => void;
      const { connection } = await guarded();
      verdict = () => new Promise((resolve) => (say = resolve));
      const failed = expect(connection.join('rooms.1')).rejects.toThrow(
        TopicForbiddenException,
      );
      await eventually(() => asked.length === 1);
      verdict = () => false;
      // As behind a gap in the log, in which nobody knows what was revoked.
      await connection.authorize();
      say(true);
      await failed;
      expect(asked).toHaveLength(2);
    });

    it('is asked about it by a refresh, which ends the stream if it says no', async () => {
      const { connection, client, hub } = await guarded();
      await connection.join('rooms.1');
      verdict = () => false;
      await hub.refresh({ user: 42 });
      expect((await client.next('hub.closed')).data).toEqual({
        reason: 'revoked',
      });
      expect(asked).toHaveLength(2);
    });

    it('is asked again before the rest of a rewind, when the user was refreshed', async () => {
      const { connection, client, hub, say, log } = await enterPaged(
        adapter,
        1_500,
        {},
        [RoomPolicy],
      );
      const joining = connection.join('rooms.1', { rewind: 'all' });
      const failed = expect(joining).rejects.toThrow(TopicForbiddenException);
      await eventually(() => log.asked > 0);
      verdict = () => false;
      await hub.refresh({ user: 42 });
      log.goOn();
      await failed;
      await say('lobby', 'hello');
      await client.next();
      expect(client.data).toEqual(['hello']);
    });
  });
});
