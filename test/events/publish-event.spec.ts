import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  Header,
  HttpCode,
  Inject,
  Injectable,
  Logger,
  Module,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  Scope,
  SetMetadata,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type {
  CallHandler,
  CanActivate,
  ExecutionContext,
  NestInterceptor,
  Provider,
  Type,
} from '@nestjs/common';
import { NestFactory, REQUEST } from '@nestjs/core';
import { ApiOperation, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import { jest } from '@jest/globals';
import { IsInt, IsString, ValidateNested } from 'class-validator';
import {
  EventHub,
  EventValidationException,
  HubEvent,
  InvalidPublisherException,
  LogUnavailableException,
  MemoryLog,
  OnSseEvent,
  PublishEvent,
  SseEvent,
  SseModule,
} from 'nestjs-sse-hub';
import {
  EMPTY,
  NEVER,
  Observable,
  firstValueFrom,
  lastValueFrom,
  map,
  of,
  throwError,
  toArray,
} from 'rxjs';
import { answer } from '../support/answer.js';
import { eventually, settled } from '../support/eventually.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

@SseEvent('movie.added', { topic: 'movies' })
class MovieAdded {
  @IsInt()
  readonly id!: number;

  @IsString()
  readonly title!: string;

  constructor(id: number, title: string) {
    Object.assign(this, { id, title });
  }
}

@SseEvent('movie.removed', { topic: 'movies' })
class MovieRemoved {
  constructor(readonly id: number) {}
}

/** A row of the database. */
class Movie {
  readonly id = 1;
  readonly price = 9;

  get title(): string {
    return 'Alien';
  }
}

const toMovieAdded = ({ id, title }: Movie) => new MovieAdded(id, title);

/** Takes nothing as long as it is away. */
class FragileLog extends MemoryLog {
  isAway = false;

  override append(
    ...args: Parameters<MemoryLog['append']>
  ): ReturnType<MemoryLog['append']> {
    return this.isAway
      ? Promise.reject(new LogUnavailableException('The log is away.'))
      : super.append(...args);
  }
}

let log: FragileLog;

/** What has been published, as `type data`. */
async function published(from: MemoryLog = log): Promise<string[]> {
  const { floor } = await from.bounds();
  const { entries } = await from.read(floor, { events: 99, bytes: 1 << 20 });
  return entries.map(({ type, data }) => `${type} ${data}`);
}

const ALIEN = 'movie.added {"id":1,"title":"Alien"}';

let errors: string[];

beforeEach(() => {
  log = new FragileLog();
  errors = [];
  jest.spyOn(Logger.prototype, 'error').mockImplementation((...args) => {
    errors.push(args.map(String).join(' '));
  });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

/** An application context with one provider. */
async function provide<Service>(
  service: Type<Service>,
  ...providers: Provider[]
): Promise<Service> {
  const module = await Test.createTestingModule({
    imports: [SseModule.forRoot({ log })],
    providers: [service, ...providers],
  }).compile();
  await module.init();
  return module.resolve(service);
}

describe('@PublishEvent() on a method that returns a promise', () => {
  @Injectable()
  class Movies {
    readonly #stored: string[] = [];
    readonly added = new MovieAdded(1, 'Alien');

    @PublishEvent(MovieAdded)
    async add(): Promise<MovieAdded> {
      this.#stored.push('Alien');
      return Promise.resolve(this.added);
    }

    @PublishEvent(MovieAdded)
    async fail(): Promise<MovieAdded> {
      return Promise.reject(new NotFoundException('No such movie'));
    }

    @PublishEvent(MovieAdded)
    async throwing(): Promise<MovieAdded> {
      throw new TypeError('as it is');
    }

    @PublishEvent(MovieAdded)
    async maybe(found?: MovieAdded[] | null): Promise<MovieAdded[] | null> {
      return Promise.resolve(found ?? null);
    }

    @PublishEvent(MovieRemoved, {
      map: (_: void, id: number) =>
        id === 0 ? undefined : [new MovieRemoved(id), new MovieRemoved(-id)],
    })
    async remove(_id: number): Promise<void> {
      return Promise.resolve();
    }

    @PublishEvent(MovieAdded, {
      map: async (title: string) => Promise.resolve(new MovieAdded(7, title)),
    })
    async later(title: string): Promise<string> {
      return Promise.resolve(title);
    }

    @PublishEvent(MovieAdded)
    @PublishEvent(MovieRemoved, {
      map: ({ id }: MovieAdded) => new MovieRemoved(id),
    })
    async both(): Promise<MovieAdded> {
      return Promise.resolve(this.added);
    }

    count(): number {
      return this.#stored.length;
    }
  }

  it('publishes what it resolves to, and resolves to the same once the log has it', async () => {
    const movies = await provide(Movies);
    expect(await movies.add()).toBe(movies.added);
    expect(await published()).toEqual([ALIEN]);
    expect(movies.count()).toBe(1);
  });

  it('publishes nothing when it fails, and fails as it did', async () => {
    const movies = await provide(Movies);
    await expect(movies.fail()).rejects.toThrow(
      new NotFoundException('No such movie'),
    );
    await expect(movies.throwing()).rejects.toThrow(new TypeError('as it is'));
    expect(await published()).toEqual([]);
  });

  it('publishes several in their order, and nothing of nothing', async () => {
    const movies = await provide(Movies);
    await movies.maybe();
    await movies.maybe([]);
    expect(await published()).toEqual([]);
    await movies.maybe([new MovieAdded(1, 'Alien'), new MovieAdded(2, 'Ran')]);
    expect(await published()).toEqual([
      ALIEN,
      'movie.added {"id":2,"title":"Ran"}',
    ]);
  });

  it('publishes what a mapper makes of result and arguments', async () => {
    const movies = await provide(Movies);
    await movies.remove(0);
    expect(await published()).toEqual([]);
    expect(await movies.remove(5)).toBeUndefined();
    expect(await movies.later('Alien')).toBe('Alien');
    expect(await published()).toEqual([
      'movie.removed {"id":5}',
      'movie.removed {"id":-5}',
      'movie.added {"id":7,"title":"Alien"}',
    ]);
  });

  it('has one each for several decorators, from below', async () => {
    const movies = await provide(Movies);
    expect(await movies.both()).toBe(movies.added);
    expect(await published()).toEqual(['movie.removed {"id":1}', ALIEN]);
  });

  it('keeps name and length of the method', () => {
    const { remove } = Movies.prototype as {
      remove(this: void, id: number): unknown;
    };
    expect(remove.name).toBe('remove');
    expect(remove).toHaveLength(1);
  });
});

describe('@PublishEvent() of an object of another class', () => {
  @Injectable()
  class Movies {
    @PublishEvent(MovieAdded)
    async add(movie: object): Promise<any> {
      return Promise.resolve(movie);
    }

    @PublishEvent(MovieRemoved)
    async remove(result: any): Promise<any> {
      return Promise.resolve(result);
    }
  }

  it('publishes the fields that the class of the event has rules for', async () => {
    const movies = await provide(Movies);
    const movie = new Movie();
    expect(await movies.add(movie)).toBe(movie);
    await movies.add({ id: 1, title: 'Alien', passwordHash: 'secret' });
    expect(await published()).toEqual([ALIEN, ALIEN]);
  });

  describe('with objects in them', () => {
    class Owner {
      @IsString()
      readonly name: string;
      readonly passwordHash = 'secret';

      constructor(name: any) {
        this.name = name;
      }
    }

    @SseEvent('listed', { topic: 'movies' })
    class Listed {
      @IsInt()
      readonly id!: number;
      @ValidateNested({ each: true })
      readonly owners!: Owner | Owner[];
    }

    @Injectable()
    class Lists {
      @PublishEvent(Listed)
      async add(owners: unknown): Promise<any> {
        return Promise.resolve({ id: 1, owners, secret: 1 });
      }
    }

    it('publishes of them what their own classes have rules for', async () => {
      const lists = await provide(Lists);
      await lists.add(new Owner('Ann'));
      await lists.add([new Owner('Ann'), new Owner('Bob')]);
      expect(await published()).toEqual([
        'listed {"id":1,"owners":{"name":"Ann"}}',
        'listed {"id":1,"owners":[{"name":"Ann"},{"name":"Bob"}]}',
      ]);
    });

    it('validates them, too', async () => {
      const lists = await provide(Lists);
      await expect(lists.add(new Owner(5))).rejects.toThrow(
        EventValidationException,
      );
      await expect(lists.add('Ann')).rejects.toThrow(EventValidationException);
      expect(await published()).toEqual([]);
    });

    it.each<[string, unknown]>([
      ['a plain object', { name: 'Ann', passwordHash: 'secret' }],
      ['one among others', [new Owner('Ann'), { passwordHash: 'secret' }]],
      ['an object without a class', Object.create(null)],
      ['a map', new Map([['a', new Owner('Ann')]])],
    ])(
      'publishes none with %s, whose fields nobody has named',
      async (_, owners) => {
        const lists = await provide(Lists);
        await expect(lists.add(owners)).rejects.toThrow(
          'because the object in "owners" is no instance of a class with rules, which would name its fields. Say what to publish: @PublishEvent(Listed, { map:',
        );
        expect(await published()).toEqual([]);
      },
    );
  });

  it('validates them', async () => {
    const movies = await provide(Movies);
    await expect(movies.add({ id: 1 })).rejects.toThrow(
      'MovieAdded: title must be a string',
    );
    expect(await published()).toEqual([]);
  });

  it('publishes none of a class without rules, as nobody has said which', async () => {
    const movies = await provide(Movies);
    await expect(movies.remove(new Movie())).rejects.toThrow(
      'Movies.remove has @PublishEvent(MovieRemoved) and gave a Movie, of which no MovieRemoved can be made, because the class has no rules of class-validator, which would name its fields. Say what to publish: @PublishEvent(MovieRemoved, { map: (result) => new MovieRemoved(…) }).',
    );
    await expect(movies.remove('gone')).rejects.toThrow(
      InvalidPublisherException,
    );
    await expect(movies.remove('gone')).rejects.toThrow('gave a string');
    expect(await published()).toEqual([]);
  });
});

describe('@PublishEvent() when the event cannot be published', () => {
  @Injectable()
  class Movies {
    done = 0;

    @PublishEvent(MovieAdded, { map: toMovieAdded })
    async add(movie: Movie): Promise<Movie> {
      this.done++;
      return Promise.resolve(movie);
    }

    @PublishEvent(MovieAdded, { map: toMovieAdded, onError: 'log' })
    async addAnyway(movie: Movie): Promise<Movie> {
      this.done++;
      return Promise.resolve(movie);
    }

    @PublishEvent(MovieAdded, { map: toMovieAdded, onError: 'log' })
    watchAnyway(movie: Movie): Observable<Movie> {
      return of(movie);
    }

    @PublishEvent(MovieAdded, { map: toMovieAdded })
    addNow(movie: Movie): Movie {
      this.done++;
      return movie;
    }

    @PublishEvent(MovieAdded, {
      map: () => {
        throw new TypeError('in the mapper');
      },
    })
    async broken(): Promise<void> {
      this.done++;
      return Promise.resolve();
    }
  }

  const invalid = { id: 'one' } as never;

  it('fails the call, after the method has done its work', async () => {
    const movies = await provide(Movies);
    await expect(movies.add(invalid)).rejects.toThrow(EventValidationException);
    log.isAway = true;
    await expect(movies.add(new Movie())).rejects.toThrow(
      LogUnavailableException,
    );
    await expect(movies.broken()).rejects.toThrow('in the mapper');
    expect(movies.done).toBe(3);
    expect(errors).toEqual([]);
  });

  it('is logged with onError: log, and the call succeeds', async () => {
    const movies = await provide(Movies);
    log.isAway = true;
    const movie = new Movie();
    expect(await movies.addAnyway(movie)).toBe(movie);
    expect(await lastValueFrom(movies.watchAnyway(movie))).toBe(movie);
    expect(errors).toEqual([
      expect.stringMatching(
        /^Movies\.addAnyway has succeeded, but its event could not be published LogUnavailableException: The log is away\./,
      ),
      expect.stringContaining('Movies.watchAnyway has succeeded'),
    ]);
  });

  it('is logged where the call returns at once', async () => {
    const movies = await provide(Movies);
    log.isAway = true;
    const movie = new Movie();
    expect(movies.addNow(movie)).toBe(movie);
    await eventually(() => errors.length === 1);
    expect(errors[0]).toContain('Movies.addNow has succeeded');
  });
});

describe('@PublishEvent() on a method that returns at once', () => {
  @Injectable()
  class Movies {
    @PublishEvent(MovieAdded)
    add(): MovieAdded {
      return new MovieAdded(1, 'Alien');
    }

    @PublishEvent(MovieAdded)
    fail(): MovieAdded {
      throw new TypeError('as it is');
    }
  }

  it('publishes it, and leaves the result as it is', async () => {
    const movies = await provide(Movies);
    const event = movies.add();
    expect(event).toBeInstanceOf(MovieAdded);
    let seen: string[] = [];
    await eventually(() => {
      void published().then((events) => (seen = events));
      return seen.length > 0;
    });
    expect(seen).toEqual([ALIEN]);
  });

  it('publishes nothing when it throws', async () => {
    const movies = await provide(Movies);
    expect(() => movies.fail()).toThrow(new TypeError('as it is'));
    expect(await published()).toEqual([]);
  });
});

describe('@PublishEvent() on a method that returns an observable', () => {
  let returned: Observable<MovieAdded>;
  const [first, last] = [new MovieAdded(1, 'Alien'), new MovieAdded(2, 'Ran')];
  const RAN = 'movie.added {"id":2,"title":"Ran"}';

  @Injectable()
  class Movies {
    @PublishEvent(MovieAdded)
    watch(): Observable<MovieAdded> {
      return returned;
    }
  }

  it('publishes the last value before it completes', async () => {
    returned = of(first, last);
    const movies = await provide(Movies);
    const values = movies.watch();
    expect(await published()).toEqual([]);
    expect(await lastValueFrom(values.pipe(toArray()))).toEqual([first, last]);
    expect(await published()).toEqual([RAN]);
    await lastValueFrom(values);
    expect(await published()).toEqual([RAN, RAN]);
  });

  it('publishes nothing without a value, after an error, or when nobody waits', async () => {
    const movies = await provide(Movies);
    returned = EMPTY;
    await lastValueFrom(movies.watch(), { defaultValue: undefined });
    returned = throwError(() => new TypeError('as it is'));
    await expect(lastValueFrom(movies.watch())).rejects.toThrow('as it is');
    returned = new Observable((subscriber) => {
      subscriber.next(first);
      return NEVER.subscribe();
    });
    expect(await firstValueFrom(movies.watch())).toBe(first);
    expect(await published()).toEqual([]);
  });

  it('fails when the event cannot be published', async () => {
    returned = of(first);
    const movies = await provide(Movies);
    log.isAway = true;
    await expect(lastValueFrom(movies.watch())).rejects.toThrow(
      LogUnavailableException,
    );
  });
});

describe('@PublishEvent() finds the hub', () => {
  abstract class BaseMovies {
    protected readonly title: string = 'Alien';

    @PublishEvent(MovieAdded)
    async add(): Promise<MovieAdded> {
      return Promise.resolve(new MovieAdded(1, this.title));
    }

    @PublishEvent(MovieRemoved)
    async remove(id: number): Promise<MovieRemoved> {
      return Promise.resolve(new MovieRemoved(id));
    }
  }

  class Clock {
    readonly now = 1;
  }

  @Injectable()
  class Movies extends BaseMovies {}

  @Injectable()
  class Overriding extends BaseMovies {
    /** Needs a property of its own from Nest too. */
    @Inject(Clock)
    readonly clock!: Clock;

    override async add(): Promise<MovieAdded> {
      return (await super.add()) && new MovieAdded(this.clock.now, 'Ran');
    }

    override async remove(id: number): Promise<MovieRemoved> {
      return Promise.resolve(new MovieRemoved(id));
    }
  }

  @Injectable({ scope: Scope.REQUEST })
  class RequestScoped extends BaseMovies {}

  @Injectable({ scope: Scope.TRANSIENT })
  class Transient extends BaseMovies {}

  it.each<[string, Type<BaseMovies>]>([
    ['by inheritance', Movies],
    ['in a request-scoped provider', RequestScoped],
    ['in a transient provider', Transient],
  ])('%s', async (_, service) => {
    const movies = await provide(service);
    await movies.add();
    await movies.remove(1);
    expect(await published()).toEqual([ALIEN, 'movie.removed {"id":1}']);
  });

  it('for what an overriding method calls, and not for what it replaces', async () => {
    const movies = await provide(Overriding, Clock);
    expect(await movies.add()).toEqual(new MovieAdded(1, 'Ran'));
    await movies.remove(1);
    expect(await published()).toEqual([ALIEN]);
  });

  it('for what a factory has made, or the application itself', async () => {
    const own = new Movies();
    const module = await Test.createTestingModule({
      imports: [SseModule.forRoot({ log })],
      providers: [
        { provide: 'made', useFactory: () => new Movies() },
        { provide: 'own', useValue: own },
      ],
    }).compile();
    await module.init();
    await module.get<Movies>('made').add();
    await own.add();
    expect(await published()).toEqual([ALIEN, ALIEN]);
    await module.close();
  });

  it('of its own application, when several run in one process', async () => {
    const logs = [new MemoryLog(), new MemoryLog()];
    const apps = await Promise.all(
      logs.map(async (each, index) => {
        class Titled extends Movies {
          protected override readonly title = `app ${index}`;
        }
        const module = await Test.createTestingModule({
          imports: [SseModule.forRoot({ log: each })],
          providers: [{ provide: Movies, useClass: index ? Titled : Movies }],
        }).compile();
        return module.init();
      }),
    );
    await Promise.all(apps.map((app) => app.get(Movies).add()));
    expect(await published(logs[0])).toEqual([ALIEN]);
    expect(await published(logs[1])).toEqual([
      'movie.added {"id":1,"title":"app 1"}',
    ]);
    await apps[0]!.close();
    await apps[1]!.get(Movies).add();
    expect(await published(logs[1])).toHaveLength(2);
    await apps[1]!.close();
  });

  it('as a unit test provides it', async () => {
    const events: unknown[] = [];
    const module = await Test.createTestingModule({
      providers: [
        Movies,
        {
          provide: EventHub,
          useValue: { publish: async (event: object) => events.push(event) },
        },
      ],
    }).compile();
    await module.get(Movies).add();
    expect(events).toEqual([new MovieAdded(1, 'Alien')]);
  });

  it('or says at start what to do, when there is no SseModule', async () => {
    @Module({ providers: [Movies] })
    class AppModule {}
    await expect(
      NestFactory.createApplicationContext(AppModule, {
        logger: false,
        abortOnError: false,
      }),
    ).rejects.toThrow(
      'EventHub for @PublishEvent(): add SseModule.forRoot() to the imports of your root module',
    );
  });

  it('or says so before the method runs, when Nest has not made the instance', () => {
    let ran = false;
    class Alone {
      @PublishEvent(MovieAdded)
      async add(): Promise<void> {
        ran = true;
        return Promise.resolve();
      }
    }
    const alone = new Alone();
    expect(() => alone.add()).toThrow(InvalidPublisherException);
    expect(() => alone.add()).toThrow(
      'Alone.add has @PublishEvent(), but its instance has no EventHub.',
    );
    expect(() => alone.add.call(undefined as never)).toThrow(
      'was called without its instance',
    );
    expect(ran).toBe(false);
  });
});

describe('@PublishEvent() is refused when the class is defined', () => {
  it('on what is no method of an instance', () => {
    expect(() => {
      class Movies {
        @PublishEvent(MovieAdded)
        static async add(): Promise<void> {}
      }
      return Movies;
    }).toThrow(
      'Movies.add has @PublishEvent(), but is static, and so belongs to no application.',
    );
    const decorate = PublishEvent(MovieAdded) as MethodDecorator;
    expect(() => {
      class Movies {
        @decorate
        get title(): string {
          return '';
        }
      }
      return Movies;
    }).toThrow('Movies.title has @PublishEvent(), but is no method.');
  });

  it('with what is no event', () => {
    for (const other of [Movie, undefined as never]) {
      expect(() => {
        class Movies {
          @PublishEvent(other)
          async add(): Promise<void> {}
        }
        return Movies;
      }).toThrow(InvalidPublisherException);
    }
  });
});

describe('@PublishEvent() and @OnSseEvent() on one method', () => {
  it('go on from event to event, in any order of decorators', async () => {
    @Injectable()
    class Chain {
      @PublishEvent(MovieRemoved)
      @OnSseEvent(MovieAdded)
      async below({ data }: HubEvent): Promise<MovieRemoved> {
        return Promise.resolve(new MovieRemoved(data.id));
      }

      @OnSseEvent(MovieRemoved)
      @PublishEvent(Ended)
      async above({ data }: HubEvent): Promise<Ended> {
        return Promise.resolve(new Ended(data.id));
      }
    }
    const module = await Test.createTestingModule({
      imports: [SseModule.forRoot({ log })],
      providers: [Chain],
    }).compile();
    await module.init();
    const hub = module.get(EventHub);
    const ended = firstValueFrom(hub.listen({ events: [Ended] }));
    await hub.publish(new MovieAdded(1, 'Alien'));
    expect((await ended).data).toEqual({ id: 1 });
    await module.close();
  });
});

@SseEvent('ended', { topic: 'movies' })
class Ended {
  constructor(readonly id: number) {}
}

describe.each(platforms)('@PublishEvent() on a route of %s', (_, adapter) => {
  const Role = (role: string) => SetMetadata('role', role);

  @Injectable()
  class RoleGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      const role: unknown = Reflect.getMetadata('role', context.getHandler());
      const { headers } = context.switchToHttp().getRequest();
      if (headers['x-role'] !== role) {
        throw new ForbiddenException(`Only for ${String(role)}`);
      }
      return true;
    }
  }

  @Injectable()
  class Envelope implements NestInterceptor {
    intercept(__: ExecutionContext, next: CallHandler): Observable<unknown> {
      return next.handle().pipe(map((data: unknown) => ({ data })));
    }
  }

  const publishes = () => PublishEvent(MovieAdded, { map: toMovieAdded });

  @Controller()
  class MoviesController {
    @publishes()
    @Post('top/:id')
    @HttpCode(202)
    @Header('x-movie', 'yes')
    @Role('editor')
    @UseGuards(RoleGuard)
    @UseInterceptors(Envelope)
    @ApiOperation({ summary: 'Adds a movie' })
    async top(
      @Param('id', ParseIntPipe) id: number,
      @Body('title') title: string,
    ): Promise<any> {
      return Promise.resolve({ id, title, from: this.constructor.name });
    }

    @Post('bottom/:id')
    @HttpCode(202)
    @Header('x-movie', 'yes')
    @Role('editor')
    @UseGuards(RoleGuard)
    @UseInterceptors(Envelope)
    @ApiOperation({ summary: 'Adds a movie' })
    @publishes()
    async bottom(
      @Param('id', ParseIntPipe) id: number,
      @Body('title') title: string,
    ): Promise<any> {
      return Promise.resolve({ id, title, from: this.constructor.name });
    }

    @Post('middle/:id')
    @HttpCode(202)
    @Header('x-movie', 'yes')
    @Role('editor')
    @publishes()
    @UseGuards(RoleGuard)
    @UseInterceptors(Envelope)
    @ApiOperation({ summary: 'Adds a movie' })
    async middle(
      @Param('id', ParseIntPipe) id: number,
      @Body('title') title: string,
    ): Promise<any> {
      return Promise.resolve({ id, title, from: this.constructor.name });
    }

    @Get('observable')
    @publishes()
    observable(): Observable<any> {
      return of({ id: 1, title: 'dropped' }, { id: 1, title: 'Alien' });
    }

    @Get('missing')
    @publishes()
    missing(): Promise<any> {
      throw new NotFoundException('No such movie');
    }

    @Get('invalid')
    @publishes()
    async invalid(): Promise<any> {
      return Promise.resolve({ id: 1 });
    }
  }

  @Controller({ path: 'scoped', scope: Scope.REQUEST })
  class ScopedController {
    constructor(@Inject(REQUEST) private readonly request: { url: string }) {}

    @Get()
    @PublishEvent(MovieAdded)
    async add(): Promise<MovieAdded> {
      return Promise.resolve(new MovieAdded(1, this.request.url));
    }
  }

  const start = () =>
    startApp(adapter, {
      controllers: [MoviesController, ScopedController],
      options: { log },
    });

  const post = (url: string, role: string) =>
    answer(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-role': role },
      body: JSON.stringify({ title: 'Alien' }),
    });

  it.each(['top', 'bottom', 'middle'])(
    'leaves what other decorators do as it is (%s)',
    async (place) => {
      const { app, url } = await start();
      const { status, headers, body } = await post(
        `${url}/${place}/1`,
        'editor',
      );
      expect(status).toBe(202);
      expect(headers.get('x-movie')).toBe('yes');
      expect(body).toEqual({
        data: { id: 1, title: 'Alien', from: 'MoviesController' },
      });
      expect(await published()).toEqual([ALIEN]);
      expect(await post(`${url}/${place}/1`, 'reader')).toMatchObject({
        status: 403,
        body: { message: 'Only for editor' },
      });
      expect(await post(`${url}/${place}/one`, 'editor')).toMatchObject({
        status: 400,
        body: { message: expect.stringContaining('numeric string') },
      });
      expect(await published()).toHaveLength(1);
      const { paths } = SwaggerModule.createDocument(
        app,
        new DocumentBuilder().build(),
      );
      expect(paths[`/${place}/{id}`]!.post).toMatchObject({
        summary: 'Adds a movie',
        parameters: [{ name: 'id', in: 'path' }],
      });
    },
  );

  it('publishes what Nest answers with: the last value of an observable', async () => {
    const { url } = await start();
    expect((await answer(`${url}/observable`)).body).toEqual({
      id: 1,
      title: 'Alien',
    });
    expect(await published()).toEqual([ALIEN]);
  });

  it('answers as the handler or the failed publish says', async () => {
    const { url } = await start();
    expect((await answer(`${url}/missing`)).status).toBe(404);
    expect(await answer(`${url}/invalid`)).toMatchObject({
      status: 400,
      body: {
        statusCode: 400,
        message: ['title must be a string'],
        error: 'Bad Request',
      },
    });
    expect(await published()).toEqual([]);
  });

  it('works in a request-scoped controller, with `this`', async () => {
    const { url } = await start();
    await Promise.all([answer(`${url}/scoped?a`), answer(`${url}/scoped?b`)]);
    expect((await published()).sort()).toEqual([
      'movie.added {"id":1,"title":"/scoped?a"}',
      'movie.added {"id":1,"title":"/scoped?b"}',
    ]);
    expect(await settled(() => errors.length, 5)).toBe(0);
  });
});
