import { Controller, Inject, Injectable, Logger, Scope } from '@nestjs/common';
import type { OnModuleInit, Provider, Type } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { jest } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  Connection,
  EventHub,
  HubEvent,
  InvalidListenerException,
  MemoryLog,
  OnSseEvent,
  Sse,
  SseConnection,
  SseEvent,
  SseModule,
} from 'nestjs-sse-hub';
import type { HubEventOf, LogEntry, SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { Connections } from '../../src/connection/connections.js';
import { eventually, settled } from '../support/eventually.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

@SseEvent('movie.added', { topic: 'movies' })
class MovieAdded {
  static readonly type = 'movie.added';

  constructor(readonly title: string) {}
}

@SseEvent('movie.removed', { topic: 'movies' })
class MovieRemoved {
  static readonly type = 'movie.removed';

  constructor(readonly title: string) {}
}

@SseEvent('recommended', { topic: 'users.:userId' })
class Recommended {
  constructor(
    readonly userId: number,
    readonly title: string,
  ) {}
}

let heard: string[];
let logged: { level: string; text: string }[];

beforeEach(() => {
  heard = [];
  logged = [];
  for (const level of ['error', 'warn'] as const) {
    jest.spyOn(Logger.prototype, level).mockImplementation((...args) => {
      logged.push({ level, text: args.map(String).join(' ') });
    });
  }
});

afterEach(async () => {
  jest.restoreAllMocks();
  await closeSseTestClients();
  await closeApps();
});

@Controller()
class StreamsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.hub.stream({ patterns: ['**'], for: connection });
  }
}

describe.each(platforms)('@OnSseEvent() on %s', (_, adapter) => {
  const start = (
    providers: Provider[],
    options: SseModuleOptions = {},
    controllers: Type[] = [],
  ) =>
    startApp(adapter, {
      controllers: [StreamsController, ...controllers],
      providers,
      options,
    });

  /** Waits for so many, and that there are no more. */
  async function expectHeard(...events: string[]): Promise<void> {
    await eventually(() => heard.length >= events.length);
    await settled(() => heard.length, 50);
    expect(heard).toEqual(events);
  }

  const hears = (name: string, { topic, type, data }: HubEvent) =>
    heard.push(`${name}: ${topic} ${type} ${JSON.stringify(data)}`);

  describe('is called with the events of', () => {
    it('a topic, a pattern, a class, what hub.listen takes', async () => {
      @Injectable()
      class Listeners {
        @OnSseEvent('movies')
        topic(event: HubEvent): void {
          hears('topic', event);
        }

        @OnSseEvent('users.*')
        pattern(event: HubEvent): void {
          hears('pattern', event);
        }

        @OnSseEvent(MovieRemoved)
        class(event: HubEventOf<typeof MovieRemoved>): void {
          hears('class', event);
        }

        @OnSseEvent({ topics: ['movies', 'actors'], types: ['message'] })
        options(event: HubEvent): void {
          hears('options', event);
        }

        @OnSseEvent({ events: [MovieAdded, Recommended], topics: ['users.2'] })
        classes(
          event: HubEventOf<typeof MovieAdded | typeof Recommended>,
        ): void {
          hears('classes', event);
        }
      }
      const { hub } = await start([Listeners]);
      await hub.publish(new MovieAdded('Alien'));
      await hub.publish(new MovieRemoved('Alien'));
      await hub.publish(new Recommended(1, 'Ran'));
      await hub.publish(new Recommended(2, 'Ran'));
      await hub.publish('actors', { data: 'Weaver' });
      await hub.publish('nobody', { data: 'hears this' });
      await eventually(() => heard.length === 8);
      await settled(() => heard.length, 50);
      // The order among listeners of one event is not said.
      expect(heard.slice().sort()).toEqual(
        [
          'topic: movies movie.added {"title":"Alien"}',
          'topic: movies movie.removed {"title":"Alien"}',
          'class: movies movie.removed {"title":"Alien"}',
          'classes: movies movie.added {"title":"Alien"}',
          'classes: users.2 recommended {"userId":2,"title":"Ran"}',
          'pattern: users.1 recommended {"userId":1,"title":"Ran"}',
          'pattern: users.2 recommended {"userId":2,"title":"Ran"}',
          'options: actors message "Weaver"',
        ].sort(),
      );
    });

    it('a controller, a base class, and with `this`', async () => {
      class Base {
        readonly name: string = 'base';

        @OnSseEvent(MovieAdded)
        added(): void {
          heard.push(this.name);
        }

        @OnSseEvent(MovieAdded)
        replaced(): void {
          heard.push(`${this.name}, replaced`);
        }
      }
      @Injectable()
      class Derived extends Base {
        override readonly name = 'derived';

        override replaced(): void {
          heard.push('not called');
        }
      }
      @Controller('listening')
      class ListeningController {
        @OnSseEvent('movies')
        added({ data }: HubEvent): void {
          heard.push(`controller ${data.title}`);
        }
      }
      const { hub } = await start(
        [
          Derived,
          { provide: 'alias', useExisting: Derived },
          { provide: 'made', useFactory: () => new Base() },
        ],
        {},
        [ListeningController],
      );
      await hub.publish(new MovieAdded('Alien'));
      await eventually(() => heard.length >= 4);
      await settled(() => heard.length, 50);
      expect(heard.slice().sort()).toEqual([
        'base',
        'base, replaced',
        'controller Alien',
        'derived',
      ]);
    });

    it('each of several decorators', async () => {
      @Injectable()
      class Listeners {
        @OnSseEvent(MovieAdded)
        @OnSseEvent(MovieRemoved)
        @OnSseEvent('users.**')
        changed({ type }: HubEvent): void {
          heard.push(type);
        }
      }
      const { hub } = await start([Listeners]);
      await hub.publish(new MovieAdded('Alien'));
      await hub.publish(new Recommended(1, 'Alien'));
      await hub.publish(new MovieRemoved('Alien'));
      await expectHeard('movie.added', 'recommended', 'movie.removed');
    });
  });

  it('leaves out what is for some users only, unless that is asked for', async () => {
    @Injectable()
    class Listeners {
      @OnSseEvent('movies')
      everyones({ data }: HubEvent): void {
        heard.push(`everyone's ${data}`);
      }

      @OnSseEvent({ patterns: ['movies'], audience: 'all' })
      all({ data }: HubEvent): void {
        heard.push(`all ${data}`);
      }
    }
    const { hub } = await start([Listeners]);
    await hub.publish('movies', { data: 'private', users: ['42'] });
    await hub.publish('movies', { data: 'public' });
    await eventually(() => heard.length === 3);
    await settled(() => heard.length, 50);
    expect(heard.slice().sort()).toEqual([
      'all private',
      'all public',
      "everyone's public",
    ]);
  });

  it('that fails is logged, and neither it nor others miss an event', async () => {
    @Injectable()
    class Failing {
      @OnSseEvent('movies')
      throws({ data }: HubEvent): void {
        heard.push(`throws ${data}`);
        throw new TypeError('at once');
      }

      @OnSseEvent('movies')
      async rejects({ data }: HubEvent): Promise<void> {
        await Promise.resolve();
        heard.push(`rejects ${data}`);
        throw new RangeError('later');
      }

      @OnSseEvent('movies')
      hears({ data }: HubEvent): void {
        heard.push(`hears ${data}`);
      }
    }
    const { hub, app } = await start([Failing]);
    const client = await SseTestClient.connect(app, '/events');
    const event = await hub.publish('movies', { type: 'added', data: 1 });
    await hub.publish('movies', { data: 2, ephemeral: true });
    await client.until(() => client.events.length === 2);
    await eventually(() => heard.length === 6 && logged.length === 4);
    expect(heard.slice().sort()).toEqual([
      'hears 1',
      'hears 2',
      'rejects 1',
      'rejects 2',
      'throws 1',
      'throws 2',
    ]);
    const texts = logged.map(({ text }) => text);
    expect(texts).toContainEqual(
      expect.stringMatching(
        `^Failing.throws failed at added of movies \\(${event.id}\\) TypeError: at once\n`,
      ),
    );
    expect(texts).toContainEqual(
      expect.stringMatching(
        /^Failing\.rejects failed at message of movies \(ephemeral\) RangeError: later\n/,
      ),
    );
  });

  it('runs in the context of the application, not in the publisher’s', async () => {
    const storage = new AsyncLocalStorage<string>();
    @Injectable()
    class Listeners {
      @OnSseEvent('movies')
      added(): void {
        heard.push(String(storage.getStore()));
      }
    }
    const { hub } = await start([Listeners]);
    await storage.run('request of jane', () => hub.publish(new MovieAdded('')));
    await expectHeard('undefined');
  });

  it('begins when every module is ready', async () => {
    @Injectable()
    class Late implements OnModuleInit {
      ready = false;

      constructor(private readonly hub: EventHub) {}

      async onModuleInit(): Promise<void> {
        await this.hub.publish(new MovieAdded('too early'));
        await new Promise((resolve) => setImmediate(resolve));
        this.ready = true;
      }
    }
    @Injectable()
    class Listeners {
      constructor(private readonly late: Late) {}

      @OnSseEvent(MovieAdded)
      added({ data }: HubEvent): void {
        heard.push(`${data.title} ${this.late.ready}`);
      }
    }
    const { hub } = await start([Listeners, Late]);
    await hub.publish(new MovieAdded('Alien'));
    await expectHeard('Alien true');
  });

  describe('when the application closes', () => {
    it('hears nothing any more, and may finish, and publish, before the hub stops', async () => {
      const steps: string[] = [];
      let finish!: () => void;
      const finishing = new Promise<void>((resolve) => (finish = resolve));
      @Injectable()
      class Slow {
        constructor(private readonly hub: EventHub) {}

        @OnSseEvent(MovieAdded)
        async added({ data }: HubEvent): Promise<void> {
          steps.push(`began ${data.title}`);
          await finishing;
          await this.hub.publish(new MovieRemoved(data.title));
          steps.push(`published ${data.title}`);
        }
      }
      const log = new MemoryLog();
      const append = jest.spyOn(log, 'append');
      const { app, hub } = await start([Slow], { log });
      const client = await SseTestClient.connect(app, '/events');
      await hub.publish(new MovieAdded('Alien'));
      await eventually(() => steps.length === 1);
      const closed = app.close().then(() => steps.push('closed'));
      await eventually(() => app.get(Connections).closing);
      await hub.publish(new MovieAdded('not heard'));
      await client.until(() => client.events.length === 2);
      expect(await settled(() => steps.length)).toBe(1);
      finish();
      await closed;
      expect(steps).toEqual(['began Alien', 'published Alien', 'closed']);
      const appended = await Promise.all(
        append.mock.results.map(({ value }) => value as Promise<LogEntry[]>),
      );
      expect(
        appended.flat().map(({ type, data }) => `${type} ${data}`),
      ).toEqual([
        'movie.added {"title":"Alien"}',
        'movie.added {"title":"not heard"}',
        'movie.removed {"title":"Alien"}',
      ]);
      expect(logged).toEqual([]);
    });

    it('is waited for no longer than closeGrace', async () => {
      @Injectable()
      class Endless {
        @OnSseEvent(MovieAdded)
        async added(): Promise<void> {
          heard.push('began');
          await new Promise(() => undefined);
        }
      }
      const { app, hub } = await start([Endless], { closeGrace: 50 });
      await hub.publish(new MovieAdded('Alien'));
      await expectHeard('began');
      await app.close();
      expect(logged).toEqual([
        {
          level: 'warn',
          text: 'Closing without waiting for Endless.added any longer; "closeGrace" says for how long',
        },
      ]);
    });
  });

  describe('is refused at start', () => {
    @Injectable({ scope: Scope.REQUEST })
    class RequestScoped {
      @OnSseEvent(MovieAdded)
      added(): void {}
    }

    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      @OnSseEvent(MovieAdded)
      added(): void {}
    }

    @Injectable()
    class ByInjection {
      constructor(@Inject(REQUEST) readonly request: object) {}

      @OnSseEvent(MovieAdded)
      added(): void {}
    }

    it.each<[string, Type]>([
      ['request-scoped', RequestScoped],
      ['transient', Transient],
      ['request-scoped', ByInjection],
    ])('in a %s class, %p', async (scope, service) => {
      const starting = start([service]);
      await expect(starting).rejects.toThrow(InvalidListenerException);
      await expect(starting).rejects.toThrow(
        `${service.name}.added has @OnSseEvent(), but its class is ${scope}, by itself or by what it injects`,
      );
    });

    it('with what hub.listen refuses', async () => {
      @Injectable()
      class Listeners {
        @OnSseEvent({ topics: ['movies.*'] })
        added(): void {}
      }
      const starting = start([Listeners]);
      await expect(starting).rejects.toThrow(InvalidListenerException);
      await expect(starting).rejects.toThrow(
        'Listeners.added has @OnSseEvent(), but "movies.*" has a wildcard',
      );
    });
  });
});

describe('@OnSseEvent() without HTTP', () => {
  it('is called as well', async () => {
    @Injectable()
    class Listeners {
      @OnSseEvent('movies')
      added({ data }: HubEvent): void {
        heard.push(data.title);
      }
    }
    const module = await Test.createTestingModule({
      imports: [SseModule.forRoot()],
      providers: [Listeners],
    }).compile();
    await module.init();
    await module.get(EventHub).publish(new MovieAdded('Alien'));
    await eventually(() => heard.length === 1);
    await module.close();
    expect(heard).toEqual(['Alien']);
  });
});

describe('@OnSseEvent() is refused when the class is defined', () => {
  const decorate = (what: unknown) =>
    (OnSseEvent as (what: unknown) => MethodDecorator)(what);

  it.each([
    ['movies.a*', 'a wildcard that is not a whole segment'],
    ['', 'non-empty string'],
    [class Plain {}, 'Plain is no class with @SseEvent()'],
    [undefined, 'two files import each other'],
    [5, 'listens to 5'],
  ])('with %p', (what, flaw) => {
    const define = () => {
      class Listeners {
        @decorate(what)
        added(): void {}
      }
      return Listeners;
    };
    expect(define).toThrow(InvalidListenerException);
    expect(define).toThrow(flaw);
    expect(define).toThrow('Listeners.added has @OnSseEvent(), but ');
  });

  it('on what is no method of an instance', () => {
    expect(() => {
      class Listeners {
        @OnSseEvent('movies')
        static added(): void {}
      }
      return Listeners;
    }).toThrow('Listeners.added has @OnSseEvent(), but is static.');
    expect(() => {
      class Listeners {
        @decorate('movies')
        get title(): string {
          return '';
        }
      }
      return Listeners;
    }).toThrow('is no method.');
  });
});
