import { Controller, Query } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Connection,
  EventHub,
  Sse,
  SseConnection,
  SseModule,
} from 'nestjs-sse-hub';
import { Observable, lastValueFrom, map, of, toArray } from 'rxjs';

@Controller('movies')
class MoviesController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(
    @Connection() connection: SseConnection,
    @Query('genre') genre = 'any',
  ): Observable<string> {
    return this.hub
      .stream({ topics: ['movies'], for: connection })
      .pipe(map(({ data }) => `${genre}: ${data}`));
  }

  @Sse('count')
  async *count(@Query('to') to: number) {
    for (let i = 1; i <= to; i++) {
      yield await Promise.resolve(i);
    }
  }

  @Sse('broken')
  broken(): Observable<never> {
    throw new TypeError('as it is');
  }
}

describe('A controller with @Sse(), called by a unit test', () => {
  const asked: unknown[] = [];
  const hub = {
    stream: (options: unknown) => {
      asked.push(options);
      return of({ data: 'Alien' }, { data: 'Ran' });
    },
  };
  const connection = { id: 'c1' } as SseConnection;

  beforeEach(() => {
    asked.length = 0;
  });

  it('returns its observable as it is', async () => {
    const controller = new MoviesController(hub as unknown as EventHub);
    expect(
      await lastValueFrom(
        controller.events(connection, 'horror').pipe(toArray()),
      ),
    ).toEqual(['horror: Alien', 'horror: Ran']);
    expect(asked).toEqual([{ topics: ['movies'], for: connection }]);
  });

  it('keeps the defaults of its parameters', async () => {
    const controller = new MoviesController(hub as unknown as EventHub);
    expect(await lastValueFrom(controller.events(connection))).toBe('any: Ran');
  });

  it('returns its generator as it is', async () => {
    const controller = new MoviesController(hub as unknown as EventHub);
    const numbers: number[] = [];
    for await (const number of controller.count(3)) {
      numbers.push(number);
    }
    expect(numbers).toEqual([1, 2, 3]);
  });

  it('throws as it does', () => {
    const controller = new MoviesController(hub as unknown as EventHub);
    expect(() => controller.broken()).toThrow(new TypeError('as it is'));
  });

  it('can be made by a testing module with a hub of its own', async () => {
    const module = await Test.createTestingModule({
      imports: [SseModule.forRoot()],
      controllers: [MoviesController],
    })
      .overrideProvider(EventHub)
      .useValue({ ...hub, stop: () => Promise.resolve() })
      .compile();
    await module.init();
    const controller = module.get(MoviesController);
    expect(await lastValueFrom(controller.events(connection))).toBe('any: Ran');
    await module.close();
  });
});
