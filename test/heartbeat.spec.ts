import { jest } from '@jest/globals';
import { Controller } from '@nestjs/common';
import { NEVER, Subject, concatMap, filter, first, from } from 'rxjs';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { driveClock, releaseClock } from './support/driven-clock.js';
import { eventually } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';
import type { AppParts } from './support/running-app.js';

const HEARTBEAT = 100;

let release: Subject<void>;

@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('silent')
  silent() {
    return NEVER;
  }

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Sse('where')
  where(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['numbers'],
      where: (event) => event.data.n % 2 === 0,
      for: connection,
    });
  }

  @Sse('filter')
  filter(@Connection() connection: SseConnection) {
    return this.hub
      .stream({ topics: ['numbers'], for: connection })
      .pipe(filter((event) => event.data.n % 2 === 0));
  }

  /** Holds every event back until the test releases one. */
  @Sse('delayed')
  delayed(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers'], for: connection }).pipe(
      concatMap((event) =>
        from(
          release
            .pipe(first())
            .toPromise()
            .then(() => event),
        ),
      ),
    );
  }
}

const parts: AppParts = {
  controllers: [StreamsController],
  options: { heartbeat: HEARTBEAT },
};

const checkpoints = ({ received: events }: SseTestClient) =>
  events.filter(({ type }) => type === 'hub.checkpoint');

/** Waits for so many more comments than there were. */
const moreComments = (client: SseTestClient, count = 1): Promise<void> => {
  const before = client.comments.length;
  return client.until(() => client.comments.length >= before + count);
};

describe.each(platforms)('Heartbeats (%s)', (_, adapter) => {
  beforeEach(() => {
    release = new Subject();
  });

  afterEach(async () => {
    releaseClock();
    jest.restoreAllMocks();
    await closeSseTestClients();
    await closeApps();
  });

  it('Invariant 4, id discipline: a quiet stream gets comments, which have no id and are no events', async () => {
    const { hub, app } = await startApp(adapter, parts);
    const client = await SseTestClient.connect(app, '/events');
    await moreComments(client, 3);
    expect(client.text).toMatch(
      /^retry: \d+\n\nevent: hub\.checkpoint\nid: [0-9a-z-]+\ndata: \{\}\n\n(: \n\n)+$/,
    );
    expect(client.received).toHaveLength(1);
    expect(client.lastEventId).toBe(await hub.head());
  });

  it('reach streams of handlers without a hub', async () => {
    const { app } = await startApp(adapter, parts);
    const client = await SseTestClient.connect(app, '/silent');
    await moreComments(client, 2);
    expect(client.received).toEqual([]);
  });

  it('come from one timer, however many streams are open, which goes with the last of them', async () => {
    const { hub, app } = await startApp(adapter, parts);
    const set = jest.spyOn(globalThis, 'setInterval');
    const clear = jest.spyOn(globalThis, 'clearInterval');
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => SseTestClient.connect(app, '/events')),
    );
    await Promise.all(clients.map((client) => moreComments(client)));
    expect(set).toHaveBeenCalledTimes(1);
    const timer = set.mock.results[0]!.value;
    expect(clear).not.toHaveBeenCalledWith(timer);

    await closeSseTestClients();
    await eventually(() => hub.connections().length === 0);
    expect(clear).toHaveBeenCalledWith(timer);

    const again = await SseTestClient.connect(app, '/silent');
    await moreComments(again);
    expect(set).toHaveBeenCalledTimes(2);
  });

  it('go on when the machine’s clock is set back', async () => {
    const { app } = await startApp(adapter, parts);
    const client = await SseTestClient.connect(app, '/silent');
    await moreComments(client);
    const { now } = Date;
    jest.spyOn(Date, 'now').mockImplementation(() => now() - 3_600_000);
    await moreComments(client, 2);
  });

  it('leave busy streams alone', async () => {
    const clock = driveClock();
    const { hub, app } = await startApp(adapter, parts);
    const quiet = await SseTestClient.connect(app, '/silent');
    const busy = await SseTestClient.connect(app, '/events');
    let sweeps = 0;
    for (let n = 1; sweeps < 5; n++) {
      const before = quiet.comments.length;
      clock.advance(HEARTBEAT * 0.6);
      await hub.publish('numbers', { data: { n } });
      await busy.until(() => busy.events.length === n);
      if (n % 2 === 0) {
        // Every stream was looked at when the quiet one has its comment.
        await quiet.until(() => quiet.comments.length > before);
        sweeps++;
      }
    }
    expect(busy.comments).toEqual([]);
    clock.advance(HEARTBEAT);
    await moreComments(busy);
  });

  describe('checkpoints', () => {
    it.each([
      ['of other topics', '/events', 'letters', 2],
      ['that where drops', '/where', 'numbers', 1],
    ])('move the cursor past events %s', async (_name, path, topic, n) => {
      const { hub, app } = await startApp(adapter, parts);
      const client = await SseTestClient.connect(app, `${path}`);
      await client.until(() => checkpoints(client).length === 1);
      const dropped = await hub.publish(topic, { data: { n } });
      await client.until(() => checkpoints(client).length === 2);
      expect(checkpoints(client)[1]).toEqual({
        type: 'hub.checkpoint',
        id: dropped.id,
        data: {},
      });
      expect(client.events).toEqual([]);

      await client.dropConnection();
      const missed = await hub.publish('numbers', { data: { n: 4 } });
      await client.reconnect();
      expect((await client.next()).id).toBe(missed.id);
      expect(client.received.some(({ type }) => type === 'hub.reset')).toBe(
        false,
      );
      expect(client.data).toEqual([{ n: 4 }]);
    });

    it('come once for a position, then comments again', async () => {
      const { hub, app } = await startApp(adapter, parts);
      const client = await SseTestClient.connect(app, '/events');
      await hub.publish('letters', { data: {} });
      await client.until(() => checkpoints(client).length === 2);
      await moreComments(client, 3);
      expect(checkpoints(client)).toHaveLength(2);
    });

    it('Invariant 2, no loss: none goes past an event that operators swallowed, until a later frame leaves', async () => {
      const { hub, app } = await startApp(adapter, parts);
      const client = await SseTestClient.connect(app, '/filter');
      await client.until(() => checkpoints(client).length === 1);
      await hub.publish('numbers', { data: { n: 1 } });
      await hub.publish('letters', { data: {} });
      // Sweeps take place, and bring comments instead.
      await moreComments(client, 3);
      expect(checkpoints(client)).toHaveLength(1);

      const passed = await hub.publish('numbers', { data: { n: 2 } });
      expect((await client.next()).id).toBe(passed.id);
      const other = await hub.publish('letters', { data: {} });
      await client.until(() => checkpoints(client).length === 2);
      expect(checkpoints(client)[1]!.id).toBe(other.id);
    });

    it('Invariant 2, no loss: an event that operators still hold comes again after a reconnect', async () => {
      const { hub, app } = await startApp(adapter, parts);
      const client = await SseTestClient.connect(app, '/delayed');
      await client.until(() => checkpoints(client).length === 1);
      await eventually(() => hub.connections().length === 1);
      const held = await hub.publish('numbers', { data: { n: 1 } });
      await hub.publish('letters', { data: {} });
      await moreComments(client, 3);
      expect(checkpoints(client)).toHaveLength(1);

      await client.reconnect();
      await eventually(
        () => hub.connections().length === 1 && release.observed,
      );
      await moreComments(client, 2);
      release.next();
      expect((await client.next()).id).toBe(held.id);
      expect(client.data).toEqual([{ n: 1 }]);
    });
  });
});
