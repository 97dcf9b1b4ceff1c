import { Controller } from '@nestjs/common';
import { concat, concatMap, finalize, map, of, retry, throwError } from 'rxjs';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import { WireClient, destroyWireClients } from '../support/wire-client.js';

const POISON = 2;

function refusePoison(n: number): void {
  if (n === POISON) {
    throw new Error('secret detail');
  }
}

@Controller()
class BadController {
  constructor(private readonly hub: EventHub) {}

  @Sse('good')
  good(@Connection() connection: SseConnection) {
    return this.#stream(connection);
  }

  @Sse('operator')
  operator(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      map((event) => {
        refusePoison(event.data as number);
        return event;
      }),
    );
  }

  @Sse('predicate')
  predicate(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['numbers'],
      where: ({ data }) => {
        refusePoison(data as number);
        return true;
      },
      for: connection,
    });
  }

  @Sse('async-operator')
  asyncOperator(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      concatMap(async (event) => {
        await Promise.resolve();
        refusePoison(event.data as number);
        return event;
      }),
    );
  }

  @Sse('unserializable')
  unserializable(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      map(({ data }) => ({
        data: data === POISON ? { big: 1n } : (data as number),
      })),
    );
  }

  @Sse('half-unserializable')
  halfUnserializable(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      concatMap((event) =>
        event.data === POISON
          ? concat(
              of({ big: 1n }),
              throwError(() => new Error('secret detail')),
            )
          : of(event),
      ),
    );
  }

  @Sse('retry')
  retry(@Connection() connection: SseConnection) {
    return this.operator(connection).pipe(retry());
  }

  @Sse('mutating')
  mutating(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['objects'], for: connection }).pipe(
      map((event) => {
        event.data.secret = 'mine';
        return event;
      }),
    );
  }

  @Sse('finalizer')
  finalizer(@Connection() connection: SseConnection) {
    return this.#stream(connection).pipe(
      finalize(() => {
        throw new Error('secret detail');
      }),
    );
  }

  @Sse('objects')
  objects(@Connection() connection: SseConnection) {
    return this.hub
      .stream({ topics: ['objects'], for: connection })
      .pipe(map(({ data }) => ({ data: data as object })));
  }

  #stream(connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }
}

describe.each(platforms)(
  'Invariant 9, one bad stream hurts itself only (%s)',
  (_, adapter) => {
    afterEach(async () => {
      await closeSseTestClients();
      destroyWireClients();
      await closeApps();
    });

    const start = () => startApp(adapter, { controllers: [BadController] });

    it.each([
      'operator',
      'predicate',
      'async-operator',
      'unserializable',
      'half-unserializable',
    ])(
      'a poison event ends a stream once and is not replayed for ever (%s)',
      async (path) => {
        const { hub, app } = await start();
        const bad = await SseTestClient.connect(app, `/${path}`);
        const good = await SseTestClient.connect(app, '/good');
        const ids: string[] = [];
        for (let n = 1; n <= 4; n++) {
          ids.push((await hub.publish('numbers', { data: n })).id!);
        }
        const notice = await bad.next('hub.error');
        expect(notice).toEqual({
          type: 'hub.error',
          id: ids[1],
          data: { message: 'Internal server error', skipped: true },
        });
        expect(bad.text).not.toContain('secret');
        expect((await bad.untilClosed()).clean).toBe(true);

        await resumeUntil(bad, 4);
        await good.until(() => good.data.length === 4);
        expect(bad.data).toEqual([1, 3, 4]);
        expect(good.data).toEqual([1, 2, 3, 4]);
        expect(
          bad.received.filter(({ type }) => type === 'hub.error'),
        ).toHaveLength(1);
      },
    );

    it('a stream that is retried goes on behind the event that failed', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(app, '/retry');
      for (let n = 1; n <= 4; n++) {
        await hub.publish('numbers', { data: n });
      }
      await client.until(() => client.data.length === 3);
      expect(client.data).toEqual([1, 3, 4]);
      expect(client.lastEventId).toBe(await hub.head());
    });

    it('an operator that writes into the shared data fails, and nobody else sees what it wrote', async () => {
      const { hub, app } = await start();
      const bad = await SseTestClient.connect(app, '/mutating');
      const good = await SseTestClient.connect(app, '/objects');
      await hub.publish('objects', { data: { open: true } });
      await bad.next('hub.error');
      await good.next();
      expect(good.data).toEqual([{ open: true }]);
    });

    it('a finalizer that throws hinders neither the end of its stream nor that of others', async () => {
      const { app, hub } = await start();
      const closed = await SseTestClient.connect(app, '/finalizer');
      const dropped = await SseTestClient.connect(app, '/finalizer');
      const [first] = hub.connections();
      expect(() => first!.close('enough')).not.toThrow();
      expect((await closed.untilClosed()).clean).toBe(true);
      await dropped.dropConnection();

      const others = [
        await SseTestClient.connect(app, '/finalizer'),
        await SseTestClient.connect(app, '/good'),
      ];
      await app.close();
      for (const client of others) {
        expect((await client.untilClosed()).clean).toBe(true);
      }
    });

    it('a client that resets its connection mid-write leaves the others and the server alone', async () => {
      const { hub, app, port } = await start();
      const good = await SseTestClient.connect(app, '/good');
      const big = 'x'.repeat(100_000);
      for (let n = 0; n < 20; n++) {
        const bad = await WireClient.get(port, '/good');
        await bad.untilTail('hub.checkpoint');
        bad.socket.pause();
        await hub.publish('numbers', { data: big });
        bad.socket.resetAndDestroy();
      }
      await good.until(() => good.events.length === 20);
      await hub.publish('numbers', { data: 'last' });
      await good.next((event) => event.data === 'last');
    });
  },
);

/** Resumes as EventSource does until an event has this data. */
async function resumeUntil(client: SseTestClient, last: number): Promise<void> {
  await client.reconnect();
  await client.until(() => client.data.includes(last));
}
