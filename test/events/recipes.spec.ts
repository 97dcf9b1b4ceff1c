/** The code that docs/events.md gives to apps, run as it stands there. */
import { Logger } from '@nestjs/common';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { jest } from '@jest/globals';
import {
  EventHub,
  HubEvent,
  InvalidPublisherException,
  LogUnavailableException,
} from 'nestjs-sse-hub';
import { DataSource } from 'typeorm';
import type { EntityManager } from 'typeorm';
import { DocsFiles } from '../support/docs-files.js';
import { eventually, settled } from '../support/eventually.js';

const files = new DocsFiles('docs/events.md');
const { MovieAdded } = await files.import('src/movies/movie-events.ts');

let app: INestApplicationContext;
let hub: EventHub;
/** What server code hears, as `type data`. */
let heard: string[];
let errors: string[];

beforeEach(() => {
  errors = [];
  jest.spyOn(Logger.prototype, 'error').mockImplementation((...args) => {
    errors.push(args.map(String).join(' '));
  });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await app.close();
});

afterAll(() => files.remove());

async function start(file: string, name: string): Promise<void> {
  const { [name]: module } = (await files.import(file)) as Record<string, Type>;
  app = await Test.createTestingModule({ imports: [module!] }).compile();
  await app.init();
  hub = app.get(EventHub);
  heard = [];
  hub
    .listen({ patterns: ['**'] })
    .subscribe(({ type, data }: HubEvent) =>
      heard.push(`${type} ${JSON.stringify(data)}`),
    );
}

async function expectHeard(...events: string[]): Promise<void> {
  await eventually(() => heard.length >= events.length);
  await settled(() => heard.length, 50);
  expect(heard).toEqual(events);
}

/** As long as it lasts, the log takes nothing. */
function breakLog(): void {
  jest
    .spyOn(hub, 'publish')
    .mockRejectedValue(
      new LogUnavailableException('The log is away.') as never,
    );
}

describe('A service with @PublishEvent()', () => {
  it('publishes what the class of the event has rules for', async () => {
    const { MoviesService } = await files.import(
      'src/movies/movies.service.ts',
    );
    const published: unknown[] = [];
    app = await Test.createTestingModule({
      providers: [
        MoviesService,
        {
          provide: EventHub,
          useValue: { publish: async (event: object) => published.push(event) },
        },
      ],
    }).compile();
    const movies = app.get<any>(MoviesService);
    const movie = { id: 1, title: 'Alien', price: 9 };
    expect(await movies.add(movie)).toBe(movie);
    await movies.remove(1);
    await expect(movies.remove(1)).rejects.toThrow('Not Found');
    expect(published).toEqual([
      new MovieAdded({ id: 1, title: 'Alien' }),
      expect.objectContaining({ id: 1 }),
    ]);
    expect(() => new MoviesService().add(movie)).toThrow(
      InvalidPublisherException,
    );
  });
});

describe('The bridge from @nestjs/event-emitter', () => {
  beforeEach(() => start('src/bridge/bridge.module.ts', 'BridgeModule'));

  it('publishes what is emitted', async () => {
    const emitter = app.get(EventEmitter2);
    expect(emitter.emit('movie.created', { id: 1, title: 'Alien' })).toBe(true);
    await eventually(() => heard.length === 1);
    emitter.emit('movie.watched', { id: 1 });
    emitter.emit('movie.deleted', { id: 1 });
    await expectHeard(
      'movie.added {"id":1,"title":"Alien"}',
      'movie.removed {"id":1}',
    );
  });

  it('has the event in the log when emitAsync resolves', async () => {
    const before = await hub.head();
    await app.get(EventEmitter2).emitAsync('movie.deleted', { id: 1 });
    await eventually(() => heard.length === 1);
    expect((await hub.head()) > before).toBe(true);
  });

  it('logs what cannot be published', async () => {
    const emitter = app.get(EventEmitter2);
    emitter.emit('movie.created', { id: 1, title: '' });
    await eventually(() => errors.length > 0);
    expect(errors[0]).toContain('title must be longer than or equal to 1');
    emitter.emit('movie.deleted', { id: 1 });
    await expectHeard('movie.removed {"id":1}');
  });
});

describe('The TypeORM subscriber', () => {
  let Movie: Type<{ id: number; title: string }>;
  let db: DataSource;

  beforeEach(async () => {
    await start('src/database/database.module.ts', 'DatabaseModule');
    ({ Movie } = await files.import('src/movies/movie.entity.ts'));
    db = app.get(DataSource);
  });

  const save = (manager: EntityManager, title: string, options = {}) =>
    manager.save(Movie, { title }, options);

  const titles = async () =>
    (await db.manager.find(Movie)).map(({ title }) => title);

  const added = (id: number, title: string) =>
    `movie.added {"id":${id},"title":"${title}"}`;

  it('publishes what is saved, inserted and removed', async () => {
    const alien = await save(db.manager, 'Alien');
    await db.manager.insert(Movie, { title: 'Ran' });
    await db.manager.remove(Movie, alien as never);
    await expectHeard(
      added(1, 'Alien'),
      added(2, 'Ran'),
      'movie.removed {"id":1}',
    );
  });

  it('publishes after the commit, in order, and not before', async () => {
    await db.transaction(async (manager) => {
      await save(manager, 'Alien');
      await save(manager, 'Ran');
      expect(await settled(() => heard.length, 50)).toBe(0);
    });
    expect(await titles()).toEqual(['Alien', 'Ran']);
    await expectHeard(added(1, 'Alien'), added(2, 'Ran'));
  });

  it('publishes nothing of what is rolled back', async () => {
    await expect(
      db.transaction(async (manager) => {
        await save(manager, 'Alien');
        throw new TypeError('no');
      }),
    ).rejects.toThrow('no');
    expect(await titles()).toEqual([]);
    await save(db.manager, 'Ran');
    await expectHeard(added(1, 'Ran'));
  });

  it('publishes of savepoints what stays', async () => {
    await db.transaction(async (manager) => {
      await save(manager, 'Alien');
      await manager
        .transaction(async (inner) => {
          await save(inner, 'Rolled back');
          throw new TypeError('no');
        })
        .catch(() => undefined);
      await manager.transaction((inner) => save(inner, 'Ran'));
      await save(manager, 'Brazil');
      expect(await settled(() => heard.length, 50)).toBe(0);
    });
    expect(await titles()).toEqual(['Alien', 'Ran', 'Brazil']);
    await expectHeard(added(1, 'Alien'), added(2, 'Ran'), added(3, 'Brazil'));
  });

  it('publishes nothing of a savepoint in what is rolled back', async () => {
    await db
      .transaction(async (manager) => {
        await manager.transaction((inner) => save(inner, 'Alien'));
        throw new TypeError('no');
      })
      .catch(() => undefined);
    expect(await titles()).toEqual([]);
    await save(db.manager, 'Ran');
    await expectHeard(added(1, 'Ran'));
  });

  it('is not misled by data of the caller', async () => {
    await db.transaction(async (manager) => {
      await save(manager, 'Alien', { data: { by: 'jane' } });
    });
    await save(db.manager, 'Ran', { data: { by: 'jane' } });
    await expectHeard(added(1, 'Alien'), added(2, 'Ran'));
  });

  it('keeps the event as it was when the row was written', async () => {
    await db.transaction(async (manager) => {
      const movie = await save(manager, 'Alien');
      movie.title = 'not saved';
    });
    await expectHeard(added(1, 'Alien'));
  });

  it('logs what is committed and cannot be published', async () => {
    breakLog();
    await save(db.manager, 'Alien');
    expect(await titles()).toEqual(['Alien']);
    expect(errors).toEqual([
      'Committed, but not published LogUnavailableException: The log is away.',
    ]);
  });

  it('says nothing of rows that TypeORM does not name', async () => {
    await save(db.manager, 'Alien');
    await db.manager.update(Movie, { title: 'Alien' }, { title: 'Aliens' });
    await db.manager.delete(Movie, { title: 'Aliens' });
    expect(await titles()).toEqual([]);
    await expectHeard(added(1, 'Alien'));
  });
});
