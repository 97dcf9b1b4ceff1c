import {
  Body,
  Controller,
  Injectable,
  Post,
  Query,
  UseGuards,
  ValidationPipe,
} from '@nestjs/common';
import type { Provider } from '@nestjs/common';
import { Exclude, Expose, Type } from 'class-transformer';
import {
  IsInt,
  IsOptional,
  IsString,
  ValidateNested,
  ValidatorConstraint,
  Validate,
} from 'class-validator';
import type { ValidatorConstraintInterface } from 'class-validator';
import {
  Connection,
  EventHub,
  EventValidationException,
  HubEvent,
  InvalidEventException,
  InvalidStreamException,
  InvalidTopicException,
  MemoryLog,
  Sse,
  SseConnection,
  SseEvent,
  TopicPolicy,
  UnserializableDataException,
  topic,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { firstValueFrom, take, toArray } from 'rxjs';
import { answer } from '../support/answer.js';
import { CaughtErrors } from '../support/caught-errors.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

class Actor {
  @IsString()
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

@SseEvent('movie.added', { topic: 'movies' })
class MovieAdded {
  static readonly type = 'movie.added';

  @IsInt()
  readonly id!: number;

  @IsString()
  readonly title!: string;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Actor)
  readonly cast?: Actor[];

  @IsOptional()
  @IsString()
  @Exclude()
  readonly secret?: string;

  constructor(fields?: object) {
    Object.assign(this, fields);
  }

  shout(): string {
    return this.title.toUpperCase();
  }
}

@SseEvent('movie.removed', { topic: 'movies' })
class MovieRemoved {
  static readonly type = 'movie.removed';

  constructor(readonly id: number) {}
}

@SseEvent('recommended', { topic: 'users.:userId' })
class Recommended {
  static readonly type = 'recommended';

  @Exclude()
  readonly userId: string | number;

  @Expose()
  readonly title: string;

  constructor(userId: string | number, title: string) {
    this.userId = userId;
    this.title = title;
  }
}

@ValidatorConstraint({ async: true })
class IsKnown implements ValidatorConstraintInterface {
  async validate(value: unknown): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    return value === 'known';
  }

  defaultMessage(): string {
    return 'name is not known';
  }
}

@SseEvent('checked', { topic: 'movies' })
class Checked {
  @Validate(IsKnown)
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

@UseGuards(HeaderUserGuard)
@Controller()
class MoviesController {
  constructor(private readonly hub: EventHub) {}

  @Sse('movies')
  movies(@Connection() connection: SseConnection, @Query('q') title?: string) {
    return this.hub.stream({
      events: [MovieAdded, MovieRemoved],
      where: (event) =>
        title === undefined ||
        (event.type === 'movie.added' && event.data.title === title),
      rewind: 'all',
      for: connection,
    });
  }

  @Sse('mine')
  mine(@Connection() connection: SseConnection) {
    return this.hub.stream({
      events: [MovieAdded, Recommended],
      topics: [topic('users', connection.user.id)],
      for: connection,
    });
  }

  @Sse('everybodys')
  everybodys(@Connection() connection: SseConnection) {
    return this.hub.stream({
      events: [Recommended],
      patterns: ['users.*'],
      for: connection,
    });
  }

  @Sse('open')
  open(@Connection() connection: SseConnection) {
    return this.hub.stream({ events: [Recommended], for: connection });
  }

  @Post('publish')
  async publish(@Body() body: object) {
    const { id, data } = await this.hub.publish(new MovieAdded(body));
    return { id, data };
  }

  @Post('validate')
  validate(@Body(new ValidationPipe({ transform: true })) body: MovieAdded) {
    return { id: 'none', data: body };
  }
}

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('Events of classes on %s', (_, adapter) => {
  let log: MemoryLog;

  const start = (options: SseModuleOptions = {}, providers: Provider[] = []) =>
    startApp(adapter, {
      controllers: [MoviesController],
      providers,
      options: { log: (log = new MemoryLog()), ...options },
    });

  const as = (user: string, roles = '') => ({
    headers: { 'x-user': user, 'x-roles': roles },
  });

  const post = (url: string, body: object) =>
    answer(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  const retained = async () => {
    const { floor } = await log.bounds();
    return (await log.read(floor, { events: 100, bytes: 1 << 20 })).entries;
  };

  it('are published on the topic and with the type of their class', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/movies');
    const published = await hub.publish(
      new MovieAdded({ id: 1, title: 'Alien', secret: 'Ash is one' }),
    );
    expect(published).toBeInstanceOf(HubEvent);
    expect(published).toMatchObject({
      topic: 'movies',
      type: 'movie.added',
      data: { id: 1, title: 'Alien' },
    });
    expect(await client.next()).toEqual({
      type: 'movie.added',
      id: published.id,
      data: { id: 1, title: 'Alien' },
    });
  });

  it('are selected by class: topics and types', async () => {
    const { hub, app } = await start();
    const client = await SseTestClient.connect(app, '/movies');
    await hub.publish('movies', { type: 'movie.renamed', data: 'no class' });
    await hub.publish('films', { type: 'movie.added', data: 'another topic' });
    await hub.publish(new Checked('known'));
    await hub.publish(new MovieRemoved(1));
    expect(await client.next()).toMatchObject({ type: 'movie.removed' });
    expect(client.data).toEqual([{ id: 1 }]);
  });

  it('are found again by cursor, `rewind` and `where`', async () => {
    const { hub, app } = await start();
    const first = await hub.publish(new MovieAdded({ id: 1, title: 'Alien' }));
    await hub.publish(new MovieRemoved(1));
    await hub.publish(new MovieAdded({ id: 2, title: 'Ran' }));
    const rewound = await SseTestClient.connect(app, '/movies');
    await rewound.until(() => rewound.events.length === 3);
    expect(rewound.data.map(({ id }) => id)).toEqual([1, 1, 2]);
    const resumed = await SseTestClient.connect(app, '/movies', {
      lastEventId: first.id,
    });
    await resumed.until(() => resumed.events.length === 2);
    expect(resumed.events.map(({ type }) => type)).toEqual([
      'movie.removed',
      'movie.added',
    ]);
    const filtered = await SseTestClient.connect(app, '/movies?q=Ran');
    await filtered.next();
    expect(filtered.data).toEqual([{ id: 2, title: 'Ran' }]);
  });

  describe('are validated', () => {
    const invalid = {
      id: 'one',
      title: 5,
      cast: [{ name: 'Weaver' }, { name: 6 }],
    };

    it('and answered exactly as ValidationPipe answers', async () => {
      const { hub, url } = await start();
      // The pipe makes instances of nested classes, and publish takes them as they are.
      const cast = [new Actor('Weaver'), new Actor(6 as never)];
      const published = hub.publish(new MovieAdded({ ...invalid, cast }));
      const error = await published.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(EventValidationException);
      const piped = await post(`${url}/validate`, invalid);
      expect(piped.status).toBe(400);
      expect(piped.body.message).toHaveLength(3);
      expect((error as EventValidationException).getResponse()).toEqual(
        piped.body,
      );

      const flat = { id: 'one', title: 5 };
      const [byPublish, byPipe] = [
        await post(`${url}/publish`, flat),
        await post(`${url}/validate`, flat),
      ];
      expect(byPublish.status).toBe(400);
      expect(byPublish.body).toEqual(byPipe.body);
      expect(byPublish.body).toEqual({
        statusCode: 400,
        message: ['id must be an integer number', 'title must be a string'],
        error: 'Bad Request',
      });
    });

    it('and are not in the log when they are refused', async () => {
      const { hub } = await start();
      await expect(hub.publish(new MovieAdded(invalid))).rejects.toThrow(
        'MovieAdded: id must be an integer number; ',
      );
      expect(await retained()).toEqual([]);
    });

    it('before they are serialized, also in fields that are not sent', async () => {
      const { hub } = await start();
      const circular: Record<string, unknown> = { id: 'one', title: 'Alien' };
      circular.self = circular;
      await expect(hub.publish(new MovieAdded(circular))).rejects.toThrow(
        EventValidationException,
      );
      await expect(
        hub.publish(new MovieAdded({ ...circular, id: 1 })),
      ).rejects.toThrow(UnserializableDataException);
      await expect(
        hub.publish(new MovieAdded({ id: 1, title: 'Alien', secret: 5 })),
      ).rejects.toThrow('secret must be a string');
    });

    it('by asynchronous validators too', async () => {
      const { hub } = await start();
      await expect(hub.publish(new Checked('unknown'))).rejects.toThrow(
        'Checked: name is not known',
      );
      expect((await hub.publish(new Checked('known'))).data).toEqual({
        name: 'known',
      });
    });

    it('not if their class has no rules', async () => {
      const { hub } = await start({ validateEvents: true });
      await hub.publish(new MovieRemoved('one' as never));
      expect(await retained()).toHaveLength(1);
    });

    it('not with validateEvents: false', async () => {
      const { url } = await start({ validateEvents: false });
      expect(await post(`${url}/publish`, { id: 'one' })).toMatchObject({
        status: 201,
        body: { data: { id: 'one' } },
      });
      expect(await retained()).toHaveLength(1);
    });
  });

  describe('with a topic of their fields', () => {
    it('reach the user whose topic it is, whatever the id holds', async () => {
      const { hub, app } = await start();
      const ids = ['42', 'jane@x.org', '*', 'a.b', 'a%2Eb'];
      const clients = new Map<string, SseTestClient>();
      for (const id of ids) {
        clients.set(id, await SseTestClient.connect(app, '/mine', as(id)));
      }
      for (const id of ids) {
        const { topic: name } = await hub.publish(new Recommended(id, id));
        expect(name).toBe(topic('users', id));
      }
      await hub.publish(new MovieAdded({ id: 1, title: 'for all' }));
      for (const [id, client] of clients) {
        await client.next('movie.added');
        expect(client.data).toEqual([
          { title: id },
          { id: 1, title: 'for all' },
        ]);
      }
    });

    it('are refused without the field', async () => {
      const { hub } = await start();
      for (const id of [undefined, '', null]) {
        await expect(
          hub.publish(new Recommended(id as never, 'Alien')),
        ).rejects.toThrow(InvalidTopicException);
      }
      expect(await retained()).toEqual([]);
    });

    it('are not streamed to a client as long as nothing says which', async () => {
      let caught!: CaughtErrors;
      const { url } = await startApp(adapter, {
        controllers: [MoviesController],
        configure: (app) => (caught = new CaughtErrors(app)),
      });
      expect((await answer(`${url}/open`, as('42'))).status).toBe(500);
      expect(caught.errors).toEqual([expect.any(InvalidStreamException)]);
      expect(caught.errors[0]!.message).toContain(
        'the topic of "recommended" is "users.:userId"',
      );
    });

    it('ask the policies of what is named', async () => {
      const asked: string[] = [];
      @Injectable()
      @TopicPolicy('users.*')
      class OwnTopic {
        canSubscribe(user: { id: number }, name: string): boolean {
          asked.push(name);
          return name === topic('users', user.id);
        }
      }
      const { hub, app, url } = await start({}, [OwnTopic]);
      const client = await SseTestClient.connect(app, '/mine', as('42'));
      expect(client.status).toBe(200);
      expect((await answer(`${url}/everybodys`, as('42'))).status).toBe(403);
      expect(asked).toEqual(['users.42', 'users.*']);
      await hub.publish(new Recommended(43, 'not for 42'));
      await hub.publish(new Recommended(42, 'Alien'));
      await client.next();
      expect(client.data).toEqual([{ title: 'Alien' }]);
    });

    it('are all streamed where a pattern says so', async () => {
      const { hub, app } = await start();
      const client = await SseTestClient.connect(
        app,
        '/everybodys',
        as('admin'),
      );
      await hub.publish(new Recommended(1, 'Alien'));
      await hub.publish(new Recommended(2, 'Ran'));
      await client.until(() => client.events.length === 2);
      expect(client.data).toEqual([{ title: 'Alien' }, { title: 'Ran' }]);
    });
  });

  describe('are delivered', () => {
    it('to their audience only, live and in a replay', async () => {
      const { hub, app } = await start();
      const jane = await SseTestClient.connect(app, '/movies', as('jane'));
      const editor = await SseTestClient.connect(
        app,
        '/movies',
        as('ed', 'editor'),
      );
      await hub.publish(new MovieAdded({ id: 1, title: 'Jane' }), {
        users: ['jane'],
      });
      await hub.publish(new MovieAdded({ id: 2, title: 'Editors' }), {
        roles: ['editor'],
      });
      await hub.publish(new MovieAdded({ id: 3, title: 'All' }));
      const again = await SseTestClient.connect(app, '/movies', as('jane'));
      await Promise.all(
        [jane, editor, again].map((client) =>
          client.until(() => client.events.length === 2),
        ),
      );
      expect(jane.data.map(({ id }) => id)).toEqual([1, 3]);
      expect(editor.data.map(({ id }) => id)).toEqual([2, 3]);
      expect(again.data.map(({ id }) => id)).toEqual([1, 3]);
    });

    it('once with an idempotency key, and without an id when ephemeral', async () => {
      const { hub } = await start();
      const publish = () =>
        hub.publish(new MovieRemoved(1), { idempotencyKey: 'once' });
      expect((await publish()).id).toBe((await publish()).id);
      expect(await retained()).toHaveLength(1);
      const { id } = await hub.publish(new MovieRemoved(1), {
        ephemeral: true,
      });
      expect(id).toBeUndefined();
    });

    it('as nothing else', async () => {
      const { hub } = await start();
      const publish = (delivery: unknown) =>
        hub.publish(new MovieRemoved(1), delivery as never);
      for (const field of ['type', 'data']) {
        await expect(publish({ [field]: 'other' })).rejects.toThrow(
          `publish(MovieRemoved, …): "${field}" is said by the event.`,
        );
      }
      await expect(publish({ user: '42' })).rejects.toThrow(
        'unknown field "user"',
      );
    });
  });

  it.each([
    ['a plain object', { id: 1 }],
    ['a plain object', Object.create(null) as object],
    ['Actor', new Actor('Weaver')],
    ['Array', [new MovieRemoved(1)]],
  ])(
    'are instances of a class with @SseEvent(), unlike %s',
    async (name, one) => {
      const { hub } = await start();
      const refused = hub.publish(one);
      await expect(refused).rejects.toThrow(InvalidEventException);
      await expect(hub.publish(one)).rejects.toThrow(`${name} is no event`);
    },
  );

  it('are heard by server code', async () => {
    const { hub } = await start();
    const heard = firstValueFrom(
      hub
        .listen({ events: [MovieAdded, Recommended] })
        .pipe(take(3), toArray()),
    );
    await hub.publish(new MovieRemoved(1));
    await hub.publish(new Recommended(1, 'Alien'));
    await hub.publish(new MovieAdded({ id: 2, title: 'Ran' }), { users: [1] });
    await hub.publish(new MovieAdded({ id: 3, title: 'Brazil' }));
    await hub.publish(new Recommended(2, 'Ran'));
    expect((await heard).map(({ topic: name, data }) => [name, data])).toEqual([
      ['users.1', { title: 'Alien' }],
      ['movies', { id: 3, title: 'Brazil' }],
      ['users.2', { title: 'Ran' }],
    ]);
  });
});
