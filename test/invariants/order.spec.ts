import { Controller } from '@nestjs/common';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { closeApps, platforms, startApp } from '../support/running-app.js';

@Controller()
class OrderController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.hub.stream({ patterns: ['**'], for: connection });
  }

  @Sse('some')
  some(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['b', 'a'], for: connection });
  }
}

describe.each(platforms)('Invariant 1, order (%s)', (_, adapter) => {
  afterEach(async () => {
    await closeSseTestClients();
    await closeApps();
  });

  it('is one for all subscribers, whoever publishes and on whichever topic', async () => {
    const { hub, app } = await startApp(adapter, {
      controllers: [OrderController],
    });
    const clients = await Promise.all(
      ['events', 'events', 'some', 'some'].map((path) =>
        SseTestClient.connect(app, `/${path}`),
      ),
    );
    const listened: unknown[] = [];
    hub
      .listen({ patterns: ['*'] })
      .subscribe(({ data }) => listened.push(data));
    const publisher = async (topic: string): Promise<void> => {
      for (let n = 0; n < 200; n++) {
        await hub.publish(topic, { data: { topic, n } });
      }
    };
    await Promise.all(['a', 'b', 'a', 'b'].map(publisher));
    await Promise.all(
      clients.map((client) => client.until(() => client.data.length === 800)),
    );

    expect(listened).toHaveLength(800);
    for (const client of clients) {
      expect(client.data).toEqual(listened);
      const ids = client.events.map(({ id }) => id!);
      expect(ids).toEqual([...ids].sort());
    }
  });

  it('holds for a subscriber that publishes: its event queues behind the one in work', async () => {
    const { hub, app } = await startApp(adapter, {
      controllers: [OrderController],
    });
    const client = await SseTestClient.connect(app, '/events');
    const seen: string[] = [];
    hub.listen({ topics: ['question'] }).subscribe(({ data }) => {
      seen.push(`before ${data}`);
      void hub.publish('answer', { data });
      seen.push(`after ${data}`);
    });
    hub
      .listen({ patterns: ['*'] })
      .subscribe(({ topic, data }) => seen.push(`${topic} ${data}`));
    await Promise.all([
      hub.publish('question', { data: '1' }),
      hub.publish('question', { data: '2' }),
    ]);
    await client.until(() => client.events.length === 4);
    expect(seen).toEqual([
      'before 1',
      'after 1',
      'question 1',
      'before 2',
      'after 2',
      'question 2',
      'answer 1',
      'answer 2',
    ]);
  });

  it('is that of the publish calls of one caller, also when it does not await them', async () => {
    const { hub, app } = await startApp(adapter, {
      controllers: [OrderController],
    });
    const client = await SseTestClient.connect(app, '/events');
    const published = await Promise.all(
      Array.from({ length: 300 }, (_unused, n) =>
        hub.publish('a', { data: { n } }),
      ),
    );
    await client.until(() => client.data.length === 300);
    expect(client.data).toEqual(published.map(({ data }) => data as unknown));
    expect(client.events.map(({ id }) => id)).toEqual(
      published.map(({ id }) => id),
    );
  });
});
