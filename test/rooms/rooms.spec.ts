import {
  InvalidStreamException,
  InvalidTopicException,
  SseConnection,
  StreamEndedException,
  TooManyTopicsException,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import { eventually, settled } from '../support/eventually.js';
import { platforms } from '../support/running-app.js';
import {
  Said,
  enterPaged,
  enterRooms,
  leaveRooms,
  served,
  startRooms,
} from './rooms-app.js';

afterEach(leaveRooms);

describe.each(platforms)('Rooms on %s', (_, adapter) => {
  const start = () => startRooms(adapter);
  const enter = (path?: string, options?: SseModuleOptions) =>
    enterRooms(adapter, path, options);

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
      const { connection, client, say, app } = await enter();
      await connection.join('rooms.1');
      await say('lobby', 1);
      const { id } = await say('rooms.1', 2);
      await say('lobby', 3);
      await client.until(() => client.events.length === 3);
      expect(client.data).toEqual([1, 2, 3]);
      expect(client.events[1]!.id).toBe(id);
      const back = await SseTestClient.connect(app, '/events', {
        lastEventId: client.events[1]!.id,
      });
      await back.next();
      expect(back.data).toEqual([3]);
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
      expect(mapped.client.events[0]!.data).toBe('rooms.1: hello');
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
      await settled(() => client.received.length, 50);
      expect(client.data.filter((data) => data !== 'fail')).toEqual(['joined']);
    });

    it('stays also when it was left and joined again, and the handler names it', async () => {
      const { connection, say, client } = await enter('again');
      connection.leave('hall');
      await connection.join('hall');
      await say('lobby', 'fail');
      await eventually(() => connection.carriesStream);
      await say('hall', 'back');
      await client.next(({ data }) => data === 'back');
    });

    it('is left in the midst of an event, which the other topics do not lose', async () => {
      const { hub, app } = await start();
      // Called before the stream, which comes later.
      hub.listen({ topics: ['lobby', 'rooms.1'] }).subscribe(() => {
        served[0]?.leave('rooms.1');
      });
      const client = await SseTestClient.connect(app, '/events');
      await client.next('hub.checkpoint');
      await served[0]!.join('rooms.1');
      await hub.publish('lobby', { data: 'hello' });
      await hub.publish('rooms.1', { data: 'left' });
      await served[0]!.join('rooms.1');
      await hub.publish('rooms.1', { data: 'left by this one' });
      await hub.publish('lobby', { data: 'bye' });
      await client.until(() => client.events.length >= 2);
      await settled(() => client.received.length, 50);
      expect(client.data).toEqual(['hello', 'bye']);
    });

    it('may be the last that a stream has', async () => {
      const { connection, say, client } = await enter();
      connection.leave('lobby');
      await say('lobby', 'nobody here');
      await connection.join('lobby');
      await say('lobby', 'back');
      await client.next();
      expect(client.data).toEqual(['back']);
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
    expect((await client.next('hub.closed')).data).toEqual({
      reason: 'closed',
    });
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
      const refusal = connection.join('rooms.2');
      await expect(refusal).rejects.toThrow(TooManyTopicsException);
      await expect(refusal).rejects.toThrow(
        'connection.join: the stream has 2 topics and patterns, and "limits.topicsPerStream" is 2.',
      );
      // What the POST that joins answers.
      await expect(refusal).rejects.toMatchObject({ status: 409 });
      await connection.join('rooms.1');
      connection.leave('rooms.1');
      await connection.join('rooms.2');
    });

    it('on a connection without a hub stream', async () => {
      const { app } = await start();
      const client = await SseTestClient.connect(app, '/none');
      await client.next();
      await expect(served[0]!.join('rooms.1')).rejects.toThrow(
        new InvalidStreamException(
          'connection.join(\'rooms.1\'): the connection carries no hub stream now. Join when what hub.stream() has returned is subscribed to; a topic that is known before belongs into its "topics".',
        ),
      );
      served[0]!.leave('rooms.1');
    });

    it.each<
      [string, (client: SseTestClient, connection: SseConnection) => unknown]
    >([
      ['the client left', (client) => client.dropConnection()],
      ['it was closed', (_client, connection) => connection.close()],
    ])('when %s', async (__, end) => {
      const { connection, client } = await enter();
      await end(client, connection);
      expect(connection.signal.aborted).toBe(true);
      await expect(connection.join('rooms.1')).rejects.toThrow(
        StreamEndedException,
      );
      connection.leave('rooms.1');
    });

    it('when the handler fails at what rewind brings, and subscribes anew', async () => {
      const { connection, say, client } = await enter('again');
      await connection.join('rooms.2');
      await say('rooms.1', 'fail');
      await say('rooms.1', 'not reached');
      await say('lobby', 'hello');
      await client.next();
      await expect(
        connection.join('rooms.1', { rewind: 'all' }),
      ).rejects.toThrow(StreamEndedException);
      await eventually(() => connection.carriesStream);
      await say('rooms.1', 'not joined');
      await say('rooms.2', 'still here');
      await client.next();
      await settled(() => client.received.length, 50);
      expect(client.data).toEqual(['hello', 'still here']);
    });

    it('when the stream ends while it waits for the log', async () => {
      const { connection, client, log } = await enterPaged(adapter, 10);
      const failed = expect(
        connection.join('rooms.1', { rewind: 'all' }),
      ).rejects.toThrow(StreamEndedException);
      await eventually(() => log.asked > 0);
      await client.dropConnection();
      await failed;
      log.goOn();
    });
  });
});
