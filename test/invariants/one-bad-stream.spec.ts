import { Controller } from '@nestjs/common';
import { concatMap, finalize, map, retry } from 'rxjs';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { eventually } from '../support/eventually.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import type { SseClient } from '../support/sse-client.js';
import { connect, dropClients } from '../support/sse-client.js';

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
      dropClients();
      await closeApps();
    });

    const start = () => startApp(adapter, { controllers: [BadController] });

    it.each(['operator', 'predicate', 'async-operator', 'unserializable'])(
      'a poison event ends a stream once and is not replayed for ever (%s)',
      async (path) => {
        const { hub, url } = await start();
        const bad = await connect(`${url}/${path}`);
        const good = await connect(`${url}/good`);
        const ids: string[] = [];
        for (let n = 1; n <= 4; n++) {
          ids.push((await hub.publish('numbers', { data: n })).id!);
        }
        const notice = await bad.next('hub.error');
        expect(notice).toEqual({
          type: 'hub.error',
          id: ids[1],
          data: '{"message":"Internal server error","skipped":true}',
        });
        expect(bad.text).not.toContain('secret');
        expect(await bad.ended).toBe(true);

        await resumeUntil(bad, 4);
        await good.until(() => good.data.length === 4);
        expect(bad.data).toEqual([1, 3, 4]);
        expect(good.data).toEqual([1, 2, 3, 4]);
        expect(
          bad.events.filter(({ type }) => type === 'hub.error'),
        ).toHaveLength(1);
      },
    );

    it('a stream that is retried goes on behind the event that failed', async () => {
      const { hub, url } = await start();
      const client = await connect(`${url}/retry`);
      for (let n = 1; n <= 4; n++) {
        await hub.publish('numbers', { data: n });
      }
      await client.until(() => client.data.length === 3);
      expect(client.data).toEqual([1, 3, 4]);
      expect(client.lastEventId).toBe(await hub.head());
    });

    it('an operator that writes into the shared data fails, and nobody else sees what it wrote', async () => {
      const { hub, url } = await start();
      const bad = await connect(`${url}/mutating`);
      const good = await connect(`${url}/objects`);
      await hub.publish('objects', { data: { open: true } });
      await bad.next('hub.error');
      await good.next();
      expect(good.data).toEqual([{ open: true }]);
    });

    it('a finalizer that throws hinders neither the end of its stream nor that of others', async () => {
      const { app, hub, url } = await start();
      const closed = await connect(`${url}/finalizer`);
      const dropped = await connect(`${url}/finalizer`);
      const [first] = hub.connections();
      expect(() => first!.close('enough')).not.toThrow();
      expect(await closed.ended).toBe(true);
      dropped.drop();
      await eventually(() => hub.connections().length === 0);

      const others = [
        await connect(`${url}/finalizer`),
        await connect(`${url}/good`),
      ];
      await app.close();
      for (const client of others) {
        expect(await client.ended).toBe(true);
      }
    });

    it('a client that resets its connection mid-write leaves the others and the server alone', async () => {
      const { hub, url } = await start();
      const good = await connect(`${url}/good`);
      const big = 'x'.repeat(100_000);
      for (let n = 0; n < 20; n++) {
        const bad = await connect(`${url}/good`);
        bad.pause();
        await hub.publish('numbers', { data: big });
        bad.response.socket.resetAndDestroy();
      }
      await good.until(() => good.appEvents.length === 20);
      await hub.publish('numbers', { data: 'last' });
      await good.next((event) => event.data === 'last');
    });
  },
);

/** Resumes as EventSource does until an event has this data. */
async function resumeUntil(client: SseClient, last: number): Promise<void> {
  await client.reconnect();
  await client.until(() => client.data.includes(last));
}
