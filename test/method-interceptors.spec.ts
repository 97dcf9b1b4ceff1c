import { ConflictException, Controller, UseInterceptors } from '@nestjs/common';
import type {
  CallHandler,
  ExecutionContext,
  INestApplication,
  NestInterceptor,
} from '@nestjs/common';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import {
  NEVER,
  Subject,
  map,
  merge,
  of,
  retry,
  startWith,
  switchMap,
} from 'rxjs';
import type { Observable } from 'rxjs';
import { answer } from './support/answer.js';
import { closeApps, platforms, startApp } from './support/running-app.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

const interceptor = (
  pipe: (handled: () => Observable<unknown>) => Observable<unknown>,
): NestInterceptor => ({
  intercept: (_context: ExecutionContext, next: CallHandler) =>
    pipe(() => next.handle()),
});

/** Types and data of what came, without the checkpoints. */
const told = ({ received: events }: SseTestClient): string[] =>
  events
    .filter(({ type }) => type !== 'hub.checkpoint')
    .map(({ type, data }) => (type === 'message' ? data : type));

describe.each(platforms)('An interceptor above @Sse(), on %s', (_, adapter) => {
  it('may put something in front of the stream: the handler is called behind the head', async () => {
    @Controller()
    class GreetingController {
      constructor(private readonly hub: EventHub) {}

      @UseInterceptors(
        interceptor((handle) => handle().pipe(startWith({ data: 'hello' }))),
      )
      @Sse('events')
      events(@Connection() connection: SseConnection) {
        return this.hub.stream({ topics: ['news'], for: connection });
      }
    }
    const { app, hub } = await startApp(adapter, {
      controllers: [GreetingController],
    });
    const client = await SseTestClient.connect(app, '/events');
    await client.next('hub.checkpoint');
    await hub.publish('news', { data: 'first' });
    await client.until(() => told(client).includes('first'));
    expect(told(client)).toEqual(['hello', 'first']);
  });

  it('may call the handler again when its stream fails', async () => {
    const failure = new Subject<void>();
    let calls = 0;
    @Controller()
    class FailingController {
      @UseInterceptors(interceptor((handle) => handle().pipe(retry(2))))
      @Sse('events')
      events(): Observable<unknown> {
        const failing = failure.pipe(
          map(() => {
            throw new Error('the database');
          }),
        );
        return ++calls === 1
          ? merge(of('one'), failing)
          : NEVER.pipe(startWith('two'));
      }
    }
    const { app } = await startApp(adapter, {
      controllers: [FailingController],
    });
    const client = await SseTestClient.connect(app, '/events');
    await client.next();
    failure.next();
    await client.until(() => told(client).includes('two'));
    expect(told(client)).toEqual(['one', 'two']);
  });

  it('may call the handler again and again', async () => {
    const again = new Subject<void>();
    let calls = 0;
    @Controller()
    class PolledController {
      @UseInterceptors(
        interceptor((handle) =>
          again.pipe(startWith(undefined), switchMap(handle)),
        ),
      )
      @Sse('events')
      events() {
        return NEVER.pipe(startWith(`call ${++calls}`));
      }
    }
    const { app } = await startApp(adapter, {
      controllers: [PolledController],
    });
    const client = await SseTestClient.connect(app, '/events');
    await client.next();
    again.next();
    await client.until(() => told(client).includes('call 2'));
    expect(told(client)).toEqual(['call 1', 'call 2']);
  });
});

describe.each(platforms)('A global interceptor, on %s', (_, adapter) => {
  let calls: number;

  @Controller()
  class BusyController {
    @Sse('always')
    always(): Observable<unknown> {
      calls++;
      throw new ConflictException();
    }

    @Sse('once')
    once(): Observable<unknown> {
      if (++calls === 1) {
        throw new ConflictException();
      }
      return NEVER.pipe(startWith('at last'));
    }
  }

  const start = () => {
    calls = 0;
    return startApp(adapter, {
      controllers: [BusyController],
      configure: (app: INestApplication) =>
        app.useGlobalInterceptors(
          interceptor((handle) => handle().pipe(retry(2))),
        ),
    });
  };

  it('may retry: what still fails keeps its status', async () => {
    const { url, hub } = await start();
    expect((await answer(`${url}/always`)).status).toBe(409);
    expect(calls).toBe(3);
    expect(hub.connections()).toEqual([]);
  });

  it('may retry: what succeeds then is a stream', async () => {
    const { app, hub } = await start();
    const client = await SseTestClient.connect(app, '/once');
    expect((await client.next()).data).toBe('at last');
    expect(hub.connections()).toHaveLength(1);
  });
});
