import {
  Controller,
  ForbiddenException,
  Inject,
  Injectable,
  Logger,
  Scope,
  UseGuards,
} from '@nestjs/common';
import type { INestApplication, Provider } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { jest } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { NEVER, Subject, of, throwError } from 'rxjs';
import {
  Connection,
  EventHub,
  InvalidHookException,
  OnSseConnect,
  OnSseDisconnect,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import { eventually, settled } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

let source: Subject<unknown>;
let told: string[];
const served: SseConnection[] = [];

@UseGuards(HeaderUserGuard)
@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub.stream({ topics: ['news'], for: connection });
  }

  @Sse('source')
  source(@Connection() connection: SseConnection) {
    served.push(connection);
    return source;
  }

  @Sse('short')
  short() {
    return of('only this');
  }

  @Sse('failing')
  failing() {
    return source;
  }

  @Sse('forbidden')
  async forbidden() {
    return Promise.reject(new ForbiddenException());
  }

  @Sse('refused')
  refused() {
    return throwError(() => new ForbiddenException());
  }
}

@Injectable()
class Told {
  readonly prefix: string = 'service';

  @OnSseConnect()
  connected(connection: SseConnection): void {
    told.push(`${this.prefix} ${connection.user?.id}: connected`);
  }

  @OnSseDisconnect()
  disconnected(connection: SseConnection, reason: string): void {
    told.push(`${this.prefix} ${connection.user?.id}: ${reason}`);
  }
}

beforeEach(() => {
  source = new Subject();
  told = [];
  served.length = 0;
});

afterEach(async () => {
  jest.restoreAllMocks();
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('Connection hooks on %s', (_, adapter) => {
  const start = (
    options: SseModuleOptions = {},
    providers: Provider[] = [Told],
    configure?: (app: INestApplication) => unknown,
  ) =>
    startApp(adapter, {
      controllers: [StreamsController],
      providers,
      options,
      configure,
    });

  const as = (user: string) => ({ headers: { 'x-user': user } });

  async function expectTold(...reasons: string[]): Promise<void> {
    await eventually(() => told.length >= reasons.length);
    expect(await settled(() => told.length, 50)).toBe(reasons.length);
    expect(told).toEqual(reasons.map((reason) => `service ann: ${reason}`));
  }

  describe('tell that a stream opened, and once why it ended:', () => {
    it('the client left', async () => {
      const { app } = await start();
      const client = await SseTestClient.connect(app, '/events', as('ann'));
      await expectTold('connected');
      await client.dropConnection();
      await expectTold('connected', 'client');
    });

    it('the application shut down', async () => {
      const { app } = await start();
      await SseTestClient.connect(app, '/events', as('ann'));
      await app.close();
      await expectTold('connected', 'shutdown');
    });

    it('it was closed, with the reason given', async () => {
      const { app } = await start();
      const client = await SseTestClient.connect(app, '/events', as('ann'));
      served[0]!.close('signed-out');
      served[0]!.close('again');
      expect((await client.untilClosed()).clean).toBe(true);
      await expectTold('connected', 'signed-out');
    });

    it('its handler’s stream completed', async () => {
      const { app } = await start();
      const client = await SseTestClient.connect(app, '/short', as('ann'));
      expect((await client.untilClosed()).clean).toBe(true);
      await expectTold('connected', 'complete');
    });

    it('its handler’s stream failed', async () => {
      const { app } = await start();
      const client = await SseTestClient.connect(app, '/failing', as('ann'));
      source.error(new Error('broken'));
      expect((await client.untilClosed()).clean).toBe(true);
      await expectTold('connected', 'failed');
    });

    it('the client was too slow', async () => {
      const { app } = await start({ slowClient: { maxPendingBytes: 4_096 } });
      const client = await SseTestClient.connect(app, '/source', as('ann'));
      client.pause();
      await eventually(() => {
        source.next('x'.repeat(64 * 1024));
        return told.length === 2;
      });
      await expectTold('connected', 'slow');
    });

    it('its lease ended', async () => {
      const { app } = await start({
        leaseUntil: () => new Date(Date.now() + 200),
      });
      const client = await SseTestClient.connect(app, '/events', as('ann'));
      expect((await client.untilClosed()).clean).toBe(true);
      await expectTold('connected', 'expired');
    });

    it('it was not valid any more', async () => {
      const { app } = await start({
        revalidate: () => false,
        revalidateEvery: 100,
      });
      const client = await SseTestClient.connect(app, '/events', as('ann'));
      expect((await client.untilClosed()).clean).toBe(true);
      await expectTold('connected', 'revoked');
    });

    it('the user’s next connection replaced it', async () => {
      const { app } = await start({ limits: { connectionsPerUser: 1 } });
      const client = await SseTestClient.connect(app, '/events', as('ann'));
      await SseTestClient.connect(app, '/events', as('ann'));
      expect((await client.untilClosed()).clean).toBe(true);
      await expectTold('connected', 'replaced', 'connected');
    });

    it('and the debug log says the same', async () => {
      const debug = jest.spyOn(Logger.prototype, 'debug');
      const { app } = await start({ limits: { connectionsPerUser: 1 } });
      const client = await SseTestClient.connect(app, '/events', as('ann'));
      const [{ id }] = served as [SseConnection];
      await SseTestClient.connect(app, '/events', as('ann'));
      await client.untilClosed();
      expect(debug).toHaveBeenCalledWith(`Connection ${id} ended: replaced`);
    });
  });

  it('tell nothing of a request that never became a stream', async () => {
    const { url } = await start();
    expect((await answer(`${url}/forbidden`, as('ann'))).status).toBe(403);
    expect((await answer(`${url}/refused`, as('ann'))).status).toBe(403);
    expect(await settled(() => told.length, 50)).toBe(0);
  });

  it('are methods of providers and controllers, inherited ones too, each called once', async () => {
    @Controller('told')
    class ToldController extends Told {
      override readonly prefix: string = 'controller';
    }

    @Injectable()
    class Child extends Told {
      override readonly prefix: string = 'child';

      // Without the decorator it is no hook.
      override disconnected(): void {
        told.push('child overridden');
      }
    }

    const { app } = await startApp(adapter, {
      controllers: [StreamsController, ToldController],
      providers: [
        Told,
        Child,
        { provide: 'alias', useExisting: Told },
        { provide: 'made', useFactory: () => new Child() },
        { provide: 'text', useValue: 'text' },
        { provide: 'nothing', useValue: null },
        { provide: 'bare', useValue: Object.create(null) as object },
      ],
    });
    const client = await SseTestClient.connect(app, '/short', as('ann'));
    await client.untilClosed();
    await eventually(() => told.length >= 6);
    expect(await settled(() => told.length, 50)).toBe(6);
    expect([...told].sort()).toEqual([
      'child ann: connected',
      'child ann: connected',
      'controller ann: complete',
      'controller ann: connected',
      'service ann: complete',
      'service ann: connected',
    ]);
  });

  it('that throw, reject or never end hurt neither streams nor each other, and are logged', async () => {
    @Injectable()
    class Failing {
      @OnSseConnect()
      throws(): void {
        throw new Error('thrown');
      }

      @OnSseConnect()
      rejects(): Promise<void> {
        return Promise.reject(new Error('rejected'));
      }

      @OnSseConnect()
      hangs(): Promise<void> {
        return new Promise(() => undefined);
      }

      @OnSseDisconnect()
      throwsLater(): void {
        throw 'thrown at the end';
      }
    }

    const error = jest.spyOn(Logger.prototype, 'error');
    const { hub, app } = await start({}, [Failing, Told]);
    const client = await SseTestClient.connect(app, '/events', as('ann'));
    await hub.publish('news', { data: 'delivered' });
    expect((await client.next()).data).toBe('delivered');
    await client.dropConnection();
    await expectTold('connected', 'client');
    const { id } = served[0]!;
    expect(error.mock.calls).toEqual([
      [
        `Failing.throws failed for connection ${id}`,
        expect.stringContaining('Error: thrown'),
      ],
      [
        `Failing.rejects failed for connection ${id}`,
        expect.stringContaining('Error: rejected'),
      ],
      [`Failing.throwsLater failed for connection ${id}`, 'thrown at the end'],
    ]);
  });

  it('may close the connection they are told of', async () => {
    @Injectable()
    class Closing {
      @OnSseConnect()
      connected(connection: SseConnection): void {
        connection.close('unwanted');
      }
    }

    const { app } = await start({}, [Closing, Told]);
    const client = await SseTestClient.connect(app, '/events', as('ann'));
    expect((await client.next('hub.closed')).data).toEqual({
      reason: 'unwanted',
    });
    expect((await client.untilClosed()).clean).toBe(true);
    await expectTold('connected', 'unwanted');
  });

  it('do not run in the async context of a request', async () => {
    const storage = new AsyncLocalStorage<string>();
    const stores: unknown[] = [];

    @Injectable()
    class Storing {
      @OnSseConnect()
      connected(): void {
        stores.push(storage.getStore());
      }

      @OnSseDisconnect()
      disconnected(): void {
        stores.push(storage.getStore());
      }
    }

    const { app } = await start({}, [Storing], (app) =>
      app.use((_request: unknown, _response: unknown, next: () => void) =>
        storage.run('a request', next),
      ),
    );
    const client = await SseTestClient.connect(app, '/short', as('ann'));
    await client.untilClosed();
    await eventually(() => stores.length === 2);
    expect(stores).toEqual([undefined, undefined]);
  });

  describe('are refused at start on what has no instance to call:', () => {
    it('a request-scoped provider', async () => {
      @Injectable({ scope: Scope.REQUEST })
      class RequestScoped {
        @OnSseConnect()
        connected(): void {}
      }

      const token = Symbol('token');
      const starting = start({}, [
        { provide: token, useClass: RequestScoped, scope: Scope.REQUEST },
      ]);
      await expect(starting).rejects.toThrow(InvalidHookException);
      await expect(starting).rejects.toThrow(
        'RequestScoped.connected has @OnSseConnect(), but its class is request-scoped',
      );
    });

    it('a provider that injects the request', async () => {
      @Injectable()
      class Injecting {
        constructor(@Inject(REQUEST) readonly request: object) {}

        @OnSseDisconnect()
        disconnected(): void {}
      }

      await expect(start({}, [Injecting])).rejects.toThrow(
        'Injecting.disconnected has @OnSseDisconnect(), but its class is request-scoped',
      );
    });

    it('a transient provider', async () => {
      @Injectable({ scope: Scope.TRANSIENT })
      class Transient {
        @OnSseConnect()
        connected(): void {}
      }

      await expect(start({}, [Transient])).rejects.toThrow(
        'Transient.connected has @OnSseConnect(), but its class is transient',
      );
    });

    it('a request-scoped controller', async () => {
      @Controller({ path: 'scoped', scope: Scope.REQUEST })
      class ScopedController {
        @Sse('silent')
        silent() {
          return NEVER;
        }

        @OnSseConnect()
        connected(): void {}
      }

      await expect(
        startApp(adapter, { controllers: [ScopedController] }),
      ).rejects.toThrow(InvalidHookException);
    });
  });
});
