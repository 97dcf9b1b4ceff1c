import {
  BadRequestException,
  CallHandler,
  Catch,
  ClassSerializerInterceptor,
  ConflictException,
  Controller,
  ForbiddenException,
  Get,
  GoneException,
  HttpException,
  Injectable,
  NestInterceptor,
  NotFoundException,
  Param,
  ParseIntPipe,
  Query,
  RequestTimeoutException,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import type {
  ArgumentsHost,
  CanActivate,
  ExceptionFilter,
  ExecutionContext,
} from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import {
  APP_FILTER,
  APP_GUARD,
  APP_INTERCEPTOR,
  APP_PIPE,
  HttpAdapterHost,
  Reflector,
} from '@nestjs/core';
import { IsIn, IsString, MinLength } from 'class-validator';
import type { ServerResponse } from 'node:http';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import {
  NEVER,
  Observable,
  catchError,
  concat,
  defer,
  delay,
  finalize,
  map,
  of,
  startWith,
  tap,
  throwError,
  timeout,
} from 'rxjs';
import { answer } from './support/answer.js';
import { eventually } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

function say(data: unknown): Observable<unknown> {
  return NEVER.pipe(startWith(data));
}

/** An interceptor of one function. */
function interceptor(
  intercept: (
    context: ExecutionContext,
    next: CallHandler,
  ) => Observable<unknown>,
): NestInterceptor {
  return { intercept };
}

describe.each(platforms)(
  'The pipeline of an @Sse() route on %s',
  (platform, adapter) => {
    describe('guards', () => {
      const denials: [
        name: string,
        canActivate: CanActivate['canActivate'],
        status: number,
      ][] = [
        ['returns false', () => false, 403],
        ['resolves to false', () => Promise.resolve(false), 403],
        ['emits false', () => of(false), 403],
        [
          'throws',
          () => {
            throw new UnauthorizedException('sign in first');
          },
          401,
        ],
        [
          'rejects',
          () => Promise.reject(new ForbiddenException('not yours')),
          403,
        ],
      ];

      it.each(denials)(
        'a guard that %s answers with its status, as JSON',
        async (_name, canActivate, status) => {
          let handled = false;
          const guard: CanActivate = { canActivate };

          @Controller()
          class GuardedController {
            @UseGuards(guard)
            @Sse('method')
            method() {
              handled = true;
              return say('secret');
            }
          }

          @Controller('class')
          @UseGuards(guard)
          class GuardedClassController {
            @Sse('events')
            events() {
              handled = true;
              return say('secret');
            }
          }

          const { url, hub } = await startApp(adapter, {
            controllers: [GuardedController, GuardedClassController],
          });
          for (const path of ['method', 'class/events']) {
            const {
              status: answered,
              headers,
              body,
            } = await answer(`${url}/${path}`);
            expect(answered).toBe(status);
            expect(headers.get('content-type')).toMatch(/^application\/json/);
            expect(body).toMatchObject({ statusCode: status });
          }
          expect(handled).toBe(false);
          expect(hub.connections()).toEqual([]);
        },
      );

      it('a global guard decides who may listen', async () => {
        @Injectable()
        class TokenGuard implements CanActivate {
          canActivate(context: ExecutionContext): boolean {
            const { query } = context
              .switchToHttp()
              .getRequest<{ query: { token?: string } }>();
            if (query.token === undefined) {
              throw new UnauthorizedException();
            }
            return query.token === 'good';
          }
        }

        @Controller()
        class OpenController {
          @Sse('events')
          events() {
            return say('welcome');
          }
        }

        const { app, url } = await startApp(adapter, {
          controllers: [OpenController],
          providers: [{ provide: APP_GUARD, useClass: TokenGuard }],
        });
        expect((await answer(`${url}/events`)).status).toBe(401);
        expect((await answer(`${url}/events?token=bad`)).status).toBe(403);
        expect(
          (
            await (
              await SseTestClient.connect(app, '/events?token=good')
            ).next()
          ).data,
        ).toBe('welcome');
      });

      it('run in order: global, controller, method above @Sse, and one that denies stops the rest', async () => {
        const order: string[] = [];
        const note = (name: string, allows = true): CanActivate => ({
          canActivate: async () => {
            order.push(name);
            return Promise.resolve(allows);
          },
        });

        @UseGuards(note('controller'))
        @Controller()
        class OrderController {
          @UseGuards(note('method'), note('denies', false), note('never'))
          @Sse('denied')
          denied() {
            return say('');
          }
        }

        const { url } = await startApp(adapter, {
          controllers: [OrderController],
          configure: (app: INestApplication) =>
            app.useGlobalGuards(note('global')),
        });
        expect((await answer(`${url}/denied`)).status).toBe(403);
        expect(order).toEqual(['global', 'controller', 'method', 'denies']);
      });
    });

    describe('pipes', () => {
      class WatchQuery {
        @IsIn(['horror', 'drama'])
        genre!: string;

        @IsString()
        @MinLength(2)
        language = 'en';
      }

      @Controller()
      class PipedController {
        @UsePipes(new ValidationPipe({ transform: true }))
        @Sse('validated')
        validated(
          @Query() query: WatchQuery,
          @Connection() connection: SseConnection,
        ) {
          return say({
            data: [
              query instanceof WatchQuery,
              query.genre,
              connection instanceof SseConnection,
            ],
          });
        }

        @Sse('items/:id')
        item(@Param('id', ParseIntPipe) id: number) {
          return say({ data: [typeof id, id] });
        }
      }

      it('a DTO that fails validation answers 400 and says what is wrong', async () => {
        const { url, hub } = await startApp(adapter, {
          controllers: [PipedController],
        });
        const { status, body } = await answer(
          `${url}/validated?genre=comedy&language=x`,
        );
        expect(status).toBe(400);
        expect(body.message).toEqual([
          'genre must be one of the following values: horror, drama',
          'language must be longer than or equal to 2 characters',
        ]);
        expect(hub.connections()).toEqual([]);
      });

      it('a DTO that passes is handed on, transformed, and the connection as it is', async () => {
        const { app } = await startApp(adapter, {
          controllers: [PipedController],
        });
        const client = await SseTestClient.connect(
          app,
          '/validated?genre=horror',
        );
        expect((await client.next()).data).toEqual([true, 'horror', true]);
      });

      it('a global strict ValidationPipe leaves the connection alone', async () => {
        const { app, url } = await startApp(adapter, {
          controllers: [PipedController],
          providers: [
            {
              provide: APP_PIPE,
              useValue: new ValidationPipe({
                transform: true,
                whitelist: true,
                forbidNonWhitelisted: true,
                forbidUnknownValues: true,
              }),
            },
          ],
        });
        const client = await SseTestClient.connect(
          app,
          '/validated?genre=drama',
        );
        expect((await client.next()).data).toEqual([true, 'drama', true]);
        expect(
          (await answer(`${url}/validated?genre=drama&more=1`)).status,
        ).toBe(400);
      });

      it('a global pipe that copies objects does not keep a handler from its connection', async () => {
        const copy = {
          transform: (value: unknown): unknown =>
            typeof value === 'object' && value !== null ? { ...value } : value,
        };
        const { app, hub } = await startApp(adapter, {
          controllers: [PipedController],
          providers: [{ provide: APP_PIPE, useValue: copy }],
        });
        const client = await SseTestClient.connect(app, '/items/7');
        expect((await client.next()).data).toEqual(['number', 7]);
        expect(hub.connections()).toHaveLength(1);
      });

      it('a pipe of one parameter transforms or answers 400', async () => {
        const { app, url } = await startApp(adapter, {
          controllers: [PipedController],
        });
        const client = await SseTestClient.connect(app, '/items/42');
        expect((await client.next()).data).toEqual(['number', 42]);
        expect(await answer(`${url}/items/x`)).toMatchObject({
          status: 400,
          body: { statusCode: 400 },
        });
      });
    });

    describe('exceptions before the head', () => {
      let released = 0;

      @Controller()
      class FailingController {
        constructor(private readonly hub: EventHub) {}

        @Sse('throws')
        throws(): Observable<unknown> {
          throw new GoneException('closed for good');
        }

        @Sse('crashes')
        crashes(): Observable<unknown> {
          throw new Error('password=hunter2');
        }

        @Sse('rejects/:status')
        async rejects(
          @Param('status', ParseIntPipe) status: number,
        ): Promise<Observable<unknown>> {
          await Promise.resolve();
          throw status === 404
            ? new NotFoundException('no such movie')
            : new ConflictException();
        }

        @Sse('late')
        async late(): Promise<Observable<unknown>> {
          await new Promise((resolve) => setImmediate(resolve));
          throw new NotFoundException();
        }

        @Sse('subscribe')
        subscribe() {
          return throwError(() => new ForbiddenException('not your movie'));
        }

        @Sse('subscribe-later')
        async subscribeLater() {
          return Promise.resolve(
            throwError(() => new ForbiddenException('not your movie')),
          );
        }

        @Sse('subscribe-throws')
        subscribeThrows() {
          return new Observable(() => {
            throw new BadRequestException();
          });
        }

        @Sse('operator')
        operator(@Connection() connection: SseConnection) {
          return defer(() => {
            this.hub.connections();
            return concat(
              of(1),
              this.hub.stream({ topics: ['a'], for: connection }),
            );
          }).pipe(
            map((): unknown => {
              throw new ConflictException();
            }),
            finalize(() => released++),
          );
        }
      }

      const failures: [path: string, status: number, message: string][] = [
        ['throws', 410, 'closed for good'],
        ['crashes', 500, 'Internal server error'],
        ['rejects/404', 404, 'no such movie'],
        ['rejects/409', 409, 'Conflict'],
        ['late', 404, 'Not Found'],
        ['subscribe', 403, 'not your movie'],
        ['subscribe-later', 403, 'not your movie'],
        ['subscribe-throws', 400, 'Bad Request'],
        ['operator', 409, 'Conflict'],
      ];

      it.each(failures)(
        '%s answers %i as JSON',
        async (path, status, message) => {
          const { url, hub } = await startApp(adapter, {
            controllers: [FailingController],
          });
          const {
            status: answered,
            headers,
            body,
          } = await answer(`${url}/${path}`);
          expect(answered).toBe(status);
          expect(headers.get('content-type')).toMatch(/^application\/json/);
          expect(body).toMatchObject({ statusCode: status, message });
          expect(JSON.stringify(body)).not.toContain('hunter2');
          expect(hub.connections()).toEqual([]);
        },
      );

      it.each(failures)(
        '%s keeps its status %i behind global interceptors',
        async (path, status) => {
          const { url } = await startApp(adapter, {
            controllers: [FailingController],
            configure: (app: INestApplication) =>
              app.useGlobalInterceptors(
                interceptor((_context, next) =>
                  next.handle().pipe(timeout(5_000)),
                ),
                interceptor((_context, next) =>
                  next.handle().pipe(map((data) => ({ data }))),
                ),
              ),
          });
          expect((await answer(`${url}/${path}`)).status).toBe(status);
        },
      );

      it('release what the handler had opened', async () => {
        released = 0;
        const { url } = await startApp(adapter, {
          controllers: [FailingController],
        });
        await answer(`${url}/operator`);
        expect(released).toBe(1);
      });
    });

    describe('a head that cannot be written', () => {
      let subscribed: number;

      @Controller()
      class TrackedController {
        constructor(private readonly hub: EventHub) {}

        @Sse('at-once')
        atOnce() {
          return defer(() => {
            subscribed++;
            return NEVER.pipe(finalize(() => subscribed--));
          });
        }

        @Sse('promised')
        promised() {
          return Promise.resolve(this.atOnce());
        }

        @Sse('hub')
        fromHub(@Connection() connection: SseConnection) {
          return this.hub.stream({ topics: ['a'], for: connection });
        }

        @UseInterceptors(interceptor((_context, next) => next.handle()))
        @Sse('piped')
        piped() {
          return this.atOnce();
        }

        @Sse('closed')
        closed(@Connection() connection: SseConnection) {
          connection.close();
          return this.atOnce();
        }
      }

      const ROUTES = ['at-once', 'promised', 'hub', 'piped', 'closed'];

      /** `meet` is the middleware's. */
      const start = (
        meet: (response: ServerResponse) => void,
        hasHook: boolean,
      ) => {
        subscribed = 0;
        return startApp(adapter, {
          controllers: [TrackedController],
          configure: (app: INestApplication) => {
            app.use(
              (
                _request: unknown,
                response: ServerResponse,
                next: () => void,
              ) => {
                meet(response);
                next();
              },
            );
            if (hasHook && platform === 'Fastify') {
              const fastify = app.getHttpAdapter().getInstance();
              fastify.addHook('onSend', async () => undefined);
            }
          },
        });
      };

      /** As middleware does that listens for the head, such as that of sessions. */
      const failOnce = (response: ServerResponse): void => {
        const writeHead = response.writeHead.bind(response);
        response.writeHead = () => {
          response.writeHead = writeHead;
          throw new Error('option sameSite is invalid');
        };
      };

      const cases = ROUTES.flatMap((path) =>
        (platform === 'Fastify' ? [false, true] : [false]).map(
          (hasHook) => [path, hasHook] as const,
        ),
      );

      it.each(cases)(
        'answers 500, as JSON (/%s, with a hook that is asynchronous: %s)',
        async (path, hasHook) => {
          const { url, hub } = await start(failOnce, hasHook);
          const { status, headers, body } = await answer(`${url}/${path}`);
          expect(status).toBe(500);
          expect(headers.get('content-type')).toMatch(/^application\/json/);
          expect(headers.get('x-accel-buffering')).toBeNull();
          expect(body).toMatchObject({ message: 'Internal server error' });
          expect(hub.connections()).toEqual([]);
          expect(subscribed).toBe(0);
        },
      );

      it.each(cases)(
        'ends the request when a head has been sent before (/%s, with a hook that is asynchronous: %s)',
        async (path, hasHook) => {
          const { url, hub } = await start(
            (response) => response.flushHeaders(),
            hasHook,
          );
          await answer(`${url}/${path}`).catch((error: Error) => {
            // Cut off behind the head.
            expect(error.name).toBe('TypeError');
          });
          expect(hub.connections()).toEqual([]);
          expect(subscribed).toBe(0);
        },
      );
    });

    describe('exception filters', () => {
      class OutOfTea extends Error {}

      const seen: string[] = [];

      @Catch(OutOfTea)
      class TeapotFilter implements ExceptionFilter {
        constructor(private readonly adapterHost: HttpAdapterHost) {}

        catch(_error: OutOfTea, host: ArgumentsHost): void {
          seen.push('teapot');
          const response = host.switchToHttp().getResponse<unknown>();
          this.adapterHost.httpAdapter.reply(
            response,
            { short: 'and stout' },
            418,
          );
        }
      }

      @Catch(HttpException)
      class EnvelopeFilter implements ExceptionFilter {
        constructor(private readonly adapterHost: HttpAdapterHost) {}

        catch(error: HttpException, host: ArgumentsHost): void {
          seen.push('envelope');
          const response = host.switchToHttp().getResponse<unknown>();
          const status = error.getStatus();
          this.adapterHost.httpAdapter.reply(
            response,
            { error: { status } },
            status,
          );
        }
      }

      @Controller()
      class FilteredController {
        @UseFilters(TeapotFilter)
        @Sse('thrown')
        thrown(): Observable<unknown> {
          throw new OutOfTea();
        }

        @Sse('streamed')
        @UseFilters(TeapotFilter)
        streamed() {
          return throwError(() => new OutOfTea());
        }

        @Sse('global')
        global() {
          return throwError(() => new ConflictException());
        }

        @UseFilters(TeapotFilter)
        @Sse('after')
        after() {
          return concat(
            of('fine'),
            throwError(() => new OutOfTea()).pipe(delay(0)),
          );
        }

        @UseFilters(TeapotFilter)
        @Sse('after-head')
        async afterHead() {
          return Promise.resolve(
            new Observable((subscriber) => {
              setImmediate(() => subscriber.error(new OutOfTea()));
            }),
          );
        }
      }

      beforeEach(() => {
        seen.length = 0;
      });

      const start = () =>
        startApp(adapter, {
          controllers: [FilteredController],
          providers: [{ provide: APP_FILTER, useClass: EnvelopeFilter }],
        });

      it.each(['thrown', 'streamed'])(
        'one of the method answers an error that was %s',
        async (path) => {
          const { url } = await start();
          expect(await answer(`${url}/${path}`)).toMatchObject({
            status: 418,
            body: { short: 'and stout' },
          });
        },
      );

      it('a global one answers', async () => {
        const { url } = await start();
        expect(await answer(`${url}/global`)).toMatchObject({
          status: 409,
          body: { error: { status: 409 } },
        });
      });

      it('do not see what fails after the head', async () => {
        const { app } = await start();
        const client = await SseTestClient.connect(app, '/after-head');
        expect(client.status).toBe(200);
        await client.next('hub.error');
        expect((await client.untilClosed()).clean).toBe(true);
        expect(seen).toEqual([]);
      });
    });

    describe('interceptors above the route (global, controller)', () => {
      @Controller()
      class EventsController {
        constructor(private readonly hub: EventHub) {}

        @Sse('events')
        events(@Connection() connection: SseConnection) {
          return this.hub.stream({ topics: ['events'], for: connection });
        }

        @Get('plain')
        plain() {
          return 'plain';
        }
      }

      function start(...interceptors: NestInterceptor[]) {
        return startApp(adapter, {
          controllers: [EventsController],
          options: { heartbeat: 100 },
          configure: (app: INestApplication) =>
            app.useGlobalInterceptors(...interceptors),
        });
      }

      it('a timeout does not end streams', async () => {
        const { app, hub } = await start(
          interceptor((_context, next) => next.handle().pipe(timeout(300))),
        );
        const client = await SseTestClient.connect(app, '/events');
        // Four heartbeats take longer than the timeout.
        await client.until(() => client.comments.length >= 4);
        await hub.publish('events', { data: 'still here' });
        expect((await client.next()).data).toBe('still here');
      });

      it('a timeout answers for a handler that does not settle, and the late stream is not opened', async () => {
        let resolve!: (stream: Observable<unknown>) => void;
        let subscribed = false;
        const aborted: boolean[] = [];

        @Controller()
        class SlowController {
          @Sse('slow')
          slow(@Connection() connection: SseConnection) {
            connection.signal.addEventListener('abort', () =>
              aborted.push(true),
            );
            return new Promise<Observable<unknown>>((done) => (resolve = done));
          }
        }

        const { url, hub } = await startApp(adapter, {
          controllers: [SlowController],
          configure: (app: INestApplication) =>
            app.useGlobalInterceptors(
              interceptor((_context, next) =>
                next.handle().pipe(
                  timeout({
                    each: 50,
                    with: () => throwError(() => new RequestTimeoutException()),
                  }),
                ),
              ),
            ),
        });
        expect((await answer(`${url}/slow`)).status).toBe(408);
        expect(aborted).toEqual([true]);
        resolve(
          new Observable(() => {
            subscribed = true;
          }),
        );
        await new Promise((done) => setImmediate(done));
        expect(subscribed).toBe(false);
        expect(hub.connections()).toEqual([]);
      });

      it('an envelope does not wrap events, and wraps other routes', async () => {
        const { app, url, hub } = await start(
          interceptor((_context, next) =>
            next.handle().pipe(map((data: unknown) => ({ data }))),
          ),
        );
        const client = await SseTestClient.connect(app, '/events');
        await hub.publish('events', {
          type: 'movie.added',
          data: { title: 'Alien' },
        });
        expect(await client.next()).toMatchObject({
          type: 'movie.added',
          data: { title: 'Alien' },
        });
        expect((await answer(`${url}/plain`)).body).toEqual({ data: 'plain' });
      });

      it('a ClassSerializerInterceptor leaves streams alone', async () => {
        const { app, hub } = await startApp(adapter, {
          controllers: [EventsController],
          providers: [
            {
              provide: APP_INTERCEPTOR,
              inject: [Reflector],
              useFactory: (reflector: Reflector) =>
                new ClassSerializerInterceptor(reflector),
            },
          ],
        });
        const client = await SseTestClient.connect(app, '/events');
        await hub.publish('events', { data: { a: 1 } });
        expect((await client.next()).data).toEqual({ a: 1 });
      });

      it('see the request once: one value, then the end, while the stream is open', async () => {
        const seen: string[] = [];
        const { app, hub } = await start(
          interceptor((_context, next) => {
            seen.push('before');
            return next.handle().pipe(
              tap({
                next: (value) => seen.push(`next ${String(value)}`),
                complete: () => seen.push('complete'),
              }),
              finalize(() => seen.push('finalize')),
            );
          }),
        );
        const client = await SseTestClient.connect(app, '/events');
        await hub.publish('events', { data: 'one' });
        await client.next();
        expect(seen).toEqual([
          'before',
          'next undefined',
          'complete',
          'finalize',
        ]);
      });

      it('set headers that reach the stream', async () => {
        const { app } = await start(
          interceptor((context, next) => {
            const response = context
              .switchToHttp()
              .getResponse<{ header(name: string, value: string): void }>();
            response.header('X-Request-Id', 'r1');
            return next.handle();
          }),
        );
        expect(
          (await SseTestClient.connect(app, '/events')).headers['x-request-id'],
        ).toBe('r1');
      });

      it('set a header that Node refuses: 500, and nothing stays open', async () => {
        const { url, hub } = await startApp(adapter, {
          controllers: [EventsController],
          configure: (app: INestApplication) =>
            app.useGlobalInterceptors(
              interceptor((context, next) => {
                const response = context.switchToHttp().getResponse();
                response.header('x-name', '你好');
                return next.handle();
              }),
            ),
        });
        expect((await answer(`${url}/events`)).status).toBe(500);
        expect(hub.connections()).toEqual([]);
      });

      it('may wait before they let the request through', async () => {
        const { app, hub } = await startApp(adapter, {
          controllers: [EventsController],
          configure: (app: INestApplication) =>
            app.useGlobalInterceptors({
              async intercept(_context: ExecutionContext, next: CallHandler) {
                await new Promise((done) => setImmediate(done));
                return next.handle();
              },
            }),
        });
        const client = await SseTestClient.connect(app, '/events');
        await hub.publish('events', { data: 'one' });
        expect((await client.next()).data).toBe('one');
      });

      it('one that answers from a cache is answered by Nest, and the handler is not called', async () => {
        const { url, hub } = await start(
          interceptor(() => of({ cached: true })),
        );
        expect(await answer(`${url}/events`)).toMatchObject({
          status: 200,
          body: { cached: true },
        });
        expect(hub.connections()).toEqual([]);
      });

      it('one that recovers from an error is answered by Nest', async () => {
        @Controller()
        class BrokenController {
          @Sse('broken')
          broken() {
            return throwError(() => new ConflictException());
          }

          @Sse('rejected')
          async rejected(): Promise<Observable<unknown>> {
            await Promise.resolve();
            throw new ConflictException();
          }
        }
        const { url } = await startApp(adapter, {
          controllers: [BrokenController],
          configure: (app: INestApplication) =>
            app.useGlobalInterceptors(
              interceptor((_context, next) =>
                next.handle().pipe(catchError(() => of({ recovered: true }))),
              ),
            ),
        });
        for (const path of ['broken', 'rejected']) {
          const { status, headers, body } = await answer(`${url}/${path}`);
          expect(status).toBe(200);
          expect(headers.get('content-type')).toMatch(/^application\/json/);
          expect(body).toEqual({ recovered: true });
        }
      });

      it('one that maps an error decides the status', async () => {
        @UseInterceptors(
          interceptor((_context, next) =>
            next
              .handle()
              .pipe(
                catchError(() =>
                  throwError(() => new NotFoundException('nothing here')),
                ),
              ),
          ),
        )
        @Controller()
        class MappedController {
          @Sse('mapped')
          mapped() {
            return throwError(() => new ForbiddenException('it is here'));
          }
        }
        const { url } = await startApp(adapter, {
          controllers: [MappedController],
        });
        expect(await answer(`${url}/mapped`)).toMatchObject({
          status: 404,
          body: { message: 'nothing here' },
        });
      });

      it('a request that its client gives up while the handler works leaves nothing open', async () => {
        let resolve!: (stream: Observable<unknown>) => void;
        let called = false;
        let subscribed = false;
        let aborted = false;

        @Controller()
        class SlowController {
          @Sse('slow')
          slow(@Connection() connection: SseConnection) {
            called = true;
            connection.signal.addEventListener('abort', () => (aborted = true));
            return new Promise<Observable<unknown>>((done) => (resolve = done));
          }
        }

        const { url, hub } = await startApp(adapter, {
          controllers: [SlowController],
        });
        const abort = new AbortController();
        const request = fetch(`${url}/slow`, { signal: abort.signal });
        await eventually(() => called);
        abort.abort();
        await expect(request).rejects.toThrow(/abort/);
        await eventually(() => aborted);
        resolve(
          new Observable(() => {
            subscribed = true;
          }),
        );
        await new Promise((done) => setImmediate(done));
        expect(subscribed).toBe(false);
        expect(hub.connections()).toEqual([]);
      });
    });

    describe('interceptors on the method', () => {
      const shout = interceptor((_context, next) =>
        next.handle().pipe(
          map((event: { data: string }) => ({
            data: event.data.toUpperCase(),
          })),
        ),
      );
      const below: unknown[] = [];

      @Controller()
      class MethodController {
        constructor(private readonly hub: EventHub) {}

        @UseInterceptors(shout)
        @Sse('above')
        above(@Connection() connection: SseConnection) {
          return this.hub.stream({ topics: ['events'], for: connection });
        }

        @Sse('below')
        @UseInterceptors(
          interceptor((_context, next) =>
            next.handle().pipe(tap((value) => below.push(value))),
          ),
        )
        below(@Connection() connection: SseConnection) {
          return this.hub.stream({ topics: ['events'], for: connection });
        }

        @UseInterceptors(interceptor(() => of('from the interceptor')))
        @Sse('replaced')
        replaced() {
          return say('from the handler');
        }
      }

      it('one above @Sse sees the events and may map them; their ids stay', async () => {
        const { app, hub } = await startApp(adapter, {
          controllers: [MethodController],
        });
        const client = await SseTestClient.connect(app, '/above');
        const published = await hub.publish('events', { data: 'quiet' });
        expect(await client.next()).toMatchObject({
          data: 'QUIET',
          id: published.id,
        });
      });

      it('one below @Sse sees the request', async () => {
        below.length = 0;
        const { app, hub } = await startApp(adapter, {
          controllers: [MethodController],
        });
        const client = await SseTestClient.connect(app, '/below');
        await hub.publish('events', { data: 'quiet' });
        expect((await client.next()).data).toBe('quiet');
        expect(below).toEqual([undefined]);
      });

      it('one above @Sse that does not call the handler streams what it returns', async () => {
        const { app } = await startApp(adapter, {
          controllers: [MethodController],
        });
        const client = await SseTestClient.connect(app, '/replaced');
        expect((await client.next()).data).toBe('from the interceptor');
        await client.next('hub.complete');
      });
    });
  },
);
