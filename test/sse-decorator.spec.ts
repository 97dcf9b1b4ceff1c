import {
  Body,
  Controller,
  Header,
  HttpCode,
  Inject,
  Injectable,
  Param,
  Query,
  RequestMethod,
  Res,
  Scope,
  SetMetadata,
  UseGuards,
  Version,
  VersioningType,
  applyDecorators,
} from '@nestjs/common';
import type {
  CanActivate,
  ExecutionContext,
  INestApplication,
} from '@nestjs/common';
import { REQUEST, Reflector } from '@nestjs/core';
import {
  Connection,
  EventHub,
  LastEventId,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { NEVER, Observable, finalize, of, startWith } from 'rxjs';
import { answer } from './support/answer.js';
import { eventually } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';
import { WireClient, destroyWireClients } from './support/wire-client.js';

afterEach(async () => {
  await closeSseTestClients();
  destroyWireClients();
  await closeApps();
});

/** A stream that says one thing and stays open. */
function say(data: unknown): Observable<unknown> {
  return NEVER.pipe(startWith(data));
}

describe.each(platforms)('@Sse() on %s', (_, adapter) => {
  describe('as a route', () => {
    @Controller('route')
    class RouteController {
      @Sse()
      root() {
        return say('root');
      }

      @Sse('get')
      get() {
        return say('get');
      }

      @Sse('post', { method: RequestMethod.POST })
      post(@Body() body: { name: string }) {
        return say(`hello ${body.name}`);
      }

      @Sse('items/:id')
      parameters(
        @Param('id') id: string,
        @Query('q') q: string,
        @LastEventId() last?: string,
      ) {
        return say({ data: { id, q, last: last ?? null } });
      }

      @HttpCode(202)
      @Sse('code-above')
      codeAbove() {
        return say('');
      }

      @Sse('code-below')
      @HttpCode(202)
      codeBelow() {
        return say('');
      }

      @Header('X-Above', 'above')
      @Sse('headers')
      @Header('X-Below', 'below')
      headers(
        @Res({ passthrough: true })
        response: {
          header(name: string, value: string): void;
        },
      ) {
        response.header('X-Handler', 'handler');
        return say('');
      }

      @Sse('unmanaged')
      unmanaged(
        @Res() response: { header(name: string, value: string): void },
      ) {
        response.header('X-Handler', 'handler');
        return say('unmanaged');
      }
    }

    async function start() {
      const { url } = await startApp(adapter, {
        controllers: [RouteController],
      });
      return `${url}/route`;
    }

    it('answers 200 with the headers of an event stream that nobody may buffer or store', async () => {
      const client = await SseTestClient.connect(`${await start()}/get`);
      expect(client.status).toBe(200);
      expect(client.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-store, no-transform',
        connection: 'keep-alive',
        'x-accel-buffering': 'no',
      });
      expect((await client.next()).data).toBe('get');
    });

    it('serves the path of the controller when it has none of its own', async () => {
      const client = await SseTestClient.connect(await start());
      expect((await client.next()).data).toBe('root');
    });

    it('answers POST with 200, and the handler gets the body', async () => {
      const response = await fetch(`${await start()}/post`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"name":"Ann"}',
      });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/event-stream');
      const reader = response
        .body!.pipeThrough(new TextDecoderStream())
        .getReader();
      let text = '';
      while (!text.includes('data: hello Ann\n\n')) {
        text += (await reader.read()).value;
      }
      await reader.cancel();
    });

    it('does not answer GET on a POST route', async () => {
      expect((await answer(`${await start()}/post`)).status).toBe(404);
    });

    it('gives the handler its parameters, as any route', async () => {
      const client = await SseTestClient.connect(
        `${await start()}/items/7?q=x&lastEventId=abc-1`,
      );
      expect((await client.next()).data).toEqual({
        id: '7',
        q: 'x',
        last: 'abc-1',
      });
    });

    it.each(['code-above', 'code-below'])(
      'honours @HttpCode() (%s)',
      async (path) => {
        expect(
          (await SseTestClient.connect(`${await start()}/${path}`)).status,
        ).toBe(202);
      },
    );

    it('sends the headers of @Header() above and below it, and those that the handler sets', async () => {
      const client = await SseTestClient.connect(`${await start()}/headers`);
      expect(client.headers).toMatchObject({
        'x-above': 'above',
        'x-below': 'below',
        'x-handler': 'handler',
        'content-type': 'text/event-stream',
      });
    });

    it('streams also when the handler injects the response without passthrough', async () => {
      const client = await SseTestClient.connect(`${await start()}/unmanaged`);
      expect(client.headers['x-handler']).toBe('handler');
      expect((await client.next()).data).toBe('unmanaged');
    });
  });

  describe('with the settings of the app', () => {
    @Controller({ path: 'versions', version: '1' })
    class VersionsController {
      @Sse('events')
      first() {
        return say('one');
      }

      @Version('2')
      @Sse('events')
      second() {
        return say('two');
      }

      @Sse('events')
      @Version('3')
      third() {
        return say('three');
      }
    }

    it('honours versions in the path', async () => {
      const { app } = await startApp(adapter, {
        controllers: [VersionsController],
        configure: (app: INestApplication) =>
          app.enableVersioning({ type: VersioningType.URI }),
      });
      for (const [version, data] of ['one', 'two', 'three'].entries()) {
        const client = await SseTestClient.connect(
          app,
          `/v${version + 1}/versions/events`,
        );
        expect((await client.next()).data).toBe(data);
      }
    });

    it('honours versions in a header', async () => {
      const { app } = await startApp(adapter, {
        controllers: [VersionsController],
        configure: (app: INestApplication) =>
          app.enableVersioning({
            type: VersioningType.HEADER,
            header: 'X-Version',
          }),
      });
      for (const [version, data] of ['one', 'two', 'three'].entries()) {
        const client = await SseTestClient.connect(app, '/versions/events', {
          headers: { 'x-version': `${version + 1}` },
        });
        expect((await client.next()).data).toBe(data);
      }
    });

    @Controller('settings')
    class SettingsController {
      @Sse('events')
      events() {
        return say('here');
      }
    }

    it('honours a global prefix', async () => {
      const { app, url } = await startApp(adapter, {
        controllers: [SettingsController],
        configure: (app: INestApplication) => app.setGlobalPrefix('api'),
      });
      const client = await SseTestClient.connect(app, '/api/settings/events');
      expect((await client.next()).data).toBe('here');
      expect((await answer(`${url}/settings/events`)).status).toBe(404);
    });

    it('carries the CORS headers for an allowed origin, with credentials', async () => {
      const { app } = await startApp(adapter, {
        controllers: [SettingsController],
        configure: (app: INestApplication) =>
          app.enableCors({
            origin: ['https://app.example'],
            credentials: true,
            exposedHeaders: ['X-Request-Id'],
          }),
      });
      const allowed = await SseTestClient.connect(app, '/settings/events', {
        headers: { origin: 'https://app.example' },
      });
      expect(allowed.headers).toMatchObject({
        'access-control-allow-origin': 'https://app.example',
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'X-Request-Id',
        vary: expect.stringContaining('Origin') as string,
      });
      expect((await allowed.next()).data).toBe('here');

      const other = await SseTestClient.connect(app, '/settings/events', {
        headers: { origin: 'https://evil.example' },
      });
      expect(other.headers['access-control-allow-origin']).toBeUndefined();
    });

    it('answers the preflight of a cross-origin stream', async () => {
      const { url } = await startApp(adapter, {
        controllers: [SettingsController],
        configure: (app: INestApplication) =>
          app.enableCors({ origin: 'https://app.example', credentials: true }),
      });
      const preflight = await answer(`${url}/settings/events`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://app.example',
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'last-event-id',
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe(
        'https://app.example',
      );
    });
  });

  describe('asked by HEAD', () => {
    it('gives the head only, ends, and leaves nothing open', async () => {
      let released = 0;
      @Controller()
      class HeadController {
        constructor(private readonly hub: EventHub) {}

        @Sse('plain')
        plain() {
          return say('never seen').pipe(finalize(() => released++));
        }

        @Sse('hub')
        fromHub(@Connection() connection: SseConnection) {
          return this.hub
            .stream({ topics: ['a'], for: connection })
            .pipe(finalize(() => released++));
        }
      }
      const { app, hub } = await startApp(adapter, {
        controllers: [HeadController],
      });
      for (const path of ['plain', 'hub']) {
        const client = await SseTestClient.connect(app, `/${path}`, {
          method: 'HEAD',
        });
        expect(client.status).toBe(200);
        expect(client.headers).toMatchObject({
          'content-type': 'text/event-stream',
          'cache-control': 'no-cache, no-store, no-transform',
          'x-accel-buffering': 'no',
        });
        expect((await client.untilClosed()).clean).toBe(true);
        expect(client.text).toBe('');
      }
      await eventually(() => released === 2 && hub.connections().length === 0);
    });

    it('ends the answer, so that the next one on the same socket follows', async () => {
      @Controller()
      class HeadController {
        @Sse('events')
        events() {
          return say('of the GET');
        }
      }
      const { port } = await startApp(adapter, {
        controllers: [HeadController],
      });
      const client = await WireClient.connect(port);
      client.send('HEAD', '/events');
      await client.until(() => client.tail.endsWith('\r\n\r\n'));
      client.send('GET', '/events');
      await client.untilTail('data: of the GET');
      const text = client.bytes.toString('latin1');
      expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    });
  });

  describe('on controllers', () => {
    it('works request-scoped: an instance, its services and guards for each connection', async () => {
      let instances = 0;

      @Injectable({ scope: Scope.REQUEST })
      class Tenant {
        constructor(
          @Inject(REQUEST)
          private readonly request: { headers: Record<string, string> },
        ) {}

        get name(): string {
          return this.request.headers['x-tenant']!;
        }
      }

      @Injectable({ scope: Scope.REQUEST })
      class TenantGuard implements CanActivate {
        constructor(private readonly tenant: Tenant) {}

        canActivate(): boolean {
          return this.tenant.name !== 'blocked';
        }
      }

      @Controller()
      @UseGuards(TenantGuard)
      class TenantController {
        readonly instance = ++instances;

        constructor(
          private readonly hub: EventHub,
          private readonly tenant: Tenant,
        ) {}

        @Sse('tenant')
        events(@Connection() connection: SseConnection) {
          return this.hub.stream({
            topics: [`tenants.${this.tenant.name}`],
            for: connection,
          });
        }
      }

      const { app, url, hub } = await startApp(adapter, {
        controllers: [TenantController],
        providers: [Tenant, TenantGuard],
      });
      const a = await SseTestClient.connect(app, '/tenant', {
        headers: { 'x-tenant': 'a' },
      });
      const b = await SseTestClient.connect(app, '/tenant', {
        headers: { 'x-tenant': 'b' },
      });
      const blocked = await answer(`${url}/tenant`, {
        headers: { 'x-tenant': 'blocked' },
      });
      expect(blocked.status).toBe(403);
      expect(instances).toBe(3);
      await hub.publish('tenants.a', { data: 'to a' });
      await hub.publish('tenants.b', { data: 'to b' });
      expect((await a.next()).data).toBe('to a');
      expect((await b.next()).data).toBe('to b');
    });

    it('is inherited, with its options and parameters', async () => {
      abstract class EventsController {
        protected abstract readonly topic: string;

        constructor(protected readonly hub: EventHub) {}

        @HttpCode(202)
        @Sse('events')
        events(
          @Query('greeting') greeting: string,
          @Connection() connection: SseConnection,
        ) {
          return this.hub
            .stream({ topics: [this.topic], for: connection })
            .pipe(startWith(`${greeting} from ${this.topic}`));
        }
      }

      @Controller('cats')
      class CatsController extends EventsController {
        protected readonly topic = 'cats';

        constructor(hub: EventHub) {
          super(hub);
        }
      }

      @Controller('dogs')
      class DogsController extends EventsController {
        protected readonly topic = 'dogs';

        constructor(hub: EventHub) {
          super(hub);
        }
      }

      const { app, hub } = await startApp(adapter, {
        controllers: [CatsController, DogsController],
      });
      for (const topic of ['cats', 'dogs']) {
        const client = await SseTestClient.connect(
          app,
          `/${topic}/events?greeting=hi`,
        );
        expect(client.status).toBe(202);
        expect((await client.next()).data).toBe(`hi from ${topic}`);
        await hub.publish(topic, { data: 'live' });
        expect((await client.next()).data).toBe('live');
      }
    });

    it('can be overridden, calling the handler of the base class', async () => {
      class BaseController {
        constructor(protected readonly hub: EventHub) {}

        @Sse('events')
        events(@Connection() connection: SseConnection): Observable<unknown> {
          return this.hub.stream({ topics: ['base'], for: connection });
        }
      }

      @Controller('derived')
      class DerivedController extends BaseController {
        constructor(hub: EventHub) {
          super(hub);
        }

        @Sse('events')
        override events(
          @Connection() connection: SseConnection,
        ): Observable<unknown> {
          return super.events(connection).pipe(startWith('derived'));
        }
      }

      const { app, hub } = await startApp(adapter, {
        controllers: [DerivedController],
      });
      const client = await SseTestClient.connect(app, '/derived/events');
      expect((await client.next()).data).toBe('derived');
      await hub.publish('base', { data: 'from the base' });
      expect((await client.next()).data).toBe('from the base');
    });

    it('keeps the metadata of decorators above and below it, for guards and reflectors', async () => {
      const seen: unknown[] = [];

      @Injectable()
      class MetadataGuard implements CanActivate {
        constructor(private readonly reflector: Reflector) {}

        canActivate(context: ExecutionContext): boolean {
          const handler = context.getHandler();
          seen.push(
            handler.name,
            this.reflector.get('above', handler),
            this.reflector.get('below', handler),
          );
          return true;
        }
      }

      const Events = (path: string) =>
        applyDecorators(Sse(path), UseGuards(MetadataGuard));

      @Controller()
      class MetadataController {
        @SetMetadata('above', 1)
        @Events('metadata')
        @SetMetadata('below', 2)
        someEvents() {
          return say('');
        }
      }

      const { app } = await startApp(adapter, {
        controllers: [MetadataController],
      });
      expect((await SseTestClient.connect(app, '/metadata')).status).toBe(200);
      expect(seen).toEqual(['someEvents', 1, 2]);
    });

    it('leaves parameters that have defaults, and `this`, to the handler', async () => {
      @Controller()
      class DefaultsController {
        private readonly word = 'mine';

        @Sse('defaults')
        events(@Query('a') a = 'default', extra = 'extra') {
          return of(`${this.word} ${a} ${extra}`);
        }
      }
      const { app } = await startApp(adapter, {
        controllers: [DefaultsController],
      });
      expect(
        (await (await SseTestClient.connect(app, '/defaults')).next()).data,
      ).toBe('mine default extra');
    });
  });
});
