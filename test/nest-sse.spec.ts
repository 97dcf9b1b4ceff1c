import { Controller, Injectable, Scope, Sse as NestSse } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import {
  Connection,
  EventHub,
  LastEventId,
  Sse,
  SseConnection,
  SseRouteException,
} from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { Observable, Subject, filter, finalize, map, of } from 'rxjs';
import { eventually } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)("Nest's own @Sse() on %s", (_, adapter) => {
  it('streams hub.listen() until its client leaves', async () => {
    let released = 0;

    @Controller()
    class ListenController {
      constructor(private readonly hub: EventHub) {}

      @NestSse('listen')
      listen(): Observable<MessageEvent> {
        return this.hub
          .listen({ topics: ['news'] })
          .pipe(finalize(() => released++));
      }

      @NestSse('piped')
      piped(): Observable<MessageEvent> {
        return this.hub.listen({ patterns: ['news.**'] }).pipe(
          filter((event) => event.data.urgent === true),
          map(({ type, data }) => ({ type, data: data as object })),
        );
      }
    }

    const { app, hub } = await startApp(adapter, {
      controllers: [ListenController],
    });
    const listening = await SseTestClient.connect(app, '/listen');
    const piped = await SseTestClient.connect(app, '/piped');
    const published = await hub.publish('news', {
      type: 'headline',
      data: { urgent: false },
    });
    await hub.publish('news', { type: 'headline', data: { urgent: true } });
    expect(await listening.next()).toEqual({
      type: 'headline',
      id: published.id,
      data: { urgent: false },
    });
    expect((await listening.next()).data).toEqual({ urgent: true });
    expect(await piped.next()).toMatchObject({
      type: 'headline',
      data: { urgent: true },
    });
    await listening.dropConnection();
    await eventually(() => released === 1);
  });

  it('ends hub.listen() streams when the application closes', async () => {
    @Controller()
    class ListenController {
      constructor(private readonly hub: EventHub) {}

      @NestSse('listen')
      listen() {
        return this.hub.listen({ topics: ['news'] });
      }
    }
    const { app } = await startApp(adapter, {
      controllers: [ListenController],
    });
    const client = await SseTestClient.connect(app, '/listen');
    await app.close();
    expect((await client.untilClosed()).clean).toBe(true);
  });

  it('never gets events with an audience from hub.listen(), unless it says audience: all', async () => {
    @Controller()
    class AudienceController {
      constructor(private readonly hub: EventHub) {}

      @NestSse('public')
      public() {
        return this.hub.listen({ patterns: ['**'] });
      }

      @NestSse('all')
      all() {
        return this.hub.listen({ patterns: ['**'], audience: 'all' });
      }
    }
    const { app, hub } = await startApp(adapter, {
      controllers: [AudienceController],
    });
    const everyone = await SseTestClient.connect(app, '/public');
    const all = await SseTestClient.connect(app, '/all');
    await hub.publish('news', { data: 'for user 1', users: [1] });
    await hub.publish('news', { data: 'for admins', roles: ['admin'] });
    await hub.publish('news', { data: 'for nobody', users: [] });
    await hub.publish('news', { data: 'typing', users: [1], ephemeral: true });
    await hub.publish('news', { data: 'for everyone' });
    expect((await everyone.next()).data).toBe('for everyone');
    await all.until(() =>
      all.events.some(({ data }) => data === 'for everyone'),
    );
    expect(all.events.map(({ data }) => data)).toEqual([
      'for user 1',
      'for admins',
      'for nobody',
      'typing',
      'for everyone',
    ]);
  });

  it('works as before beside ours, in one controller', async () => {
    const source = new Subject<MessageEvent>();

    @Controller()
    class BothController {
      constructor(private readonly hub: EventHub) {}

      @NestSse('nest')
      nest(@LastEventId() lastEventId?: string) {
        return lastEventId === undefined
          ? source
          : of({ data: `from ${lastEventId}` });
      }

      @Sse('ours')
      ours(@Connection() connection: SseConnection) {
        return this.hub.stream({ topics: ['a'], for: connection });
      }
    }
    const { app, hub } = await startApp(adapter, {
      controllers: [BothController],
    });
    const nest = await SseTestClient.connect(app, '/nest');
    const ours = await SseTestClient.connect(app, '/ours');
    await eventually(() => source.observed);
    source.next({ data: 'one' });
    await hub.publish('a', { data: 'two' });
    expect(await nest.next()).toMatchObject({ id: '1', data: 'one' });
    expect((await ours.next()).data).toBe('two');
    expect(hub.connections()).toHaveLength(1);
    const resumed = await SseTestClient.connect(app, '/nest', {
      lastEventId: 'x-1',
    });
    expect((await resumed.next()).data).toBe('from x-1');
  });

  describe('paired with @Connection()', () => {
    const message =
      /^(\w+)\.events has @Connection\(\) but Nest's own @Sse\(\).*import \{ Sse \} from 'nestjs-sse-hub'/;

    it('is refused at start, with the import to change', async () => {
      @Controller()
      class PairedController {
        @NestSse('events')
        events(@Connection() connection: SseConnection) {
          return of({ data: connection.id });
        }
      }
      const start = startApp(adapter, { controllers: [PairedController] });
      await expect(start).rejects.toThrow(SseRouteException);
      await expect(start).rejects.toThrow(message);
    });

    it('is refused at start also request-scoped and inherited', async () => {
      abstract class Base {
        @NestSse('events')
        events(
          @LastEventId() _id: string,
          @Connection() connection: SseConnection,
        ) {
          return of({ data: connection.id });
        }
      }

      @Injectable()
      class Service {}

      @Controller({ scope: Scope.REQUEST })
      class DerivedController extends Base {
        constructor(readonly service: Service) {
          super();
        }
      }
      await expect(
        startApp(adapter, {
          controllers: [DerivedController],
          providers: [Service],
        }),
      ).rejects.toThrow(message);
    });
  });
});
