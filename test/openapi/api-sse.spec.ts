import { Controller, Post, Query } from '@nestjs/common';
import {
  ApiHideProperty,
  ApiOperation,
  ApiProperty,
  DocumentBuilder,
  SwaggerModule,
} from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { IsInt } from 'class-validator';
import {
  Connection,
  EventHub,
  InvalidEventException,
  PublishEvent,
  Sse,
  SseConnection,
  SseEvent,
} from 'nestjs-sse-hub';
import { ApiSse } from 'nestjs-sse-hub/swagger';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { answer } from '../support/answer.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

class Actor {
  @ApiProperty()
  readonly name!: string;
}

@SseEvent('movie.added', { topic: 'movies' })
class MovieAdded {
  @ApiProperty({ description: 'Its number' })
  @IsInt()
  readonly id: number;

  @ApiProperty({ type: [Actor], required: false })
  readonly cast?: Actor[];

  @ApiHideProperty()
  readonly secret?: string;

  constructor(id: number) {
    this.id = id;
  }
}

@SseEvent('movie.removed', { topic: 'movies' })
class MovieRemoved {
  @ApiProperty()
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }
}

@Controller('movies')
class MoviesController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  @ApiSse(MovieAdded, MovieRemoved)
  @ApiOperation({ summary: 'What becomes of movies' })
  events(
    @Connection() connection: SseConnection,
    @Query('genre') _genre?: string,
  ) {
    return this.hub.stream({
      events: [MovieAdded, MovieRemoved],
      for: connection,
    });
  }

  @ApiSse(MovieRemoved)
  @Sse('above')
  above(@Connection() connection: SseConnection) {
    return this.hub.stream({ events: [MovieRemoved], for: connection });
  }

  @Post()
  @PublishEvent(MovieAdded)
  async add(): Promise<MovieAdded> {
    return Promise.resolve(new MovieAdded(1));
  }
}

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('@ApiSse() on %s', (_, adapter) => {
  async function start() {
    let document!: OpenAPIObject;
    const running = await startApp(adapter, {
      controllers: [MoviesController],
      configure: (app) => {
        document = SwaggerModule.createDocument(
          app,
          new DocumentBuilder().build(),
        );
        SwaggerModule.setup('api', app, document, { ui: false });
      },
    });
    return { ...running, document };
  }

  const id = { type: 'string', description: expect.any(String) };

  const event = (type: string, name: string) => ({
    title: type,
    type: 'object',
    required: ['event', 'data'],
    properties: {
      id,
      event: { type: 'string', enum: [type] },
      data: { $ref: `#/components/schemas/${name}` },
    },
  });

  const notices = expect.objectContaining({
    title: 'hub.*',
    properties: {
      id,
      event: {
        type: 'string',
        enum: [
          'hub.checkpoint',
          'hub.reset',
          'hub.complete',
          'hub.closed',
          'hub.error',
        ],
      },
      data: { type: 'object' },
    },
  });

  it('describes the stream: one schema for each event', async () => {
    const { document, url } = await start();
    const { get } = document.paths['/movies/events']!;
    expect(get!.summary).toBe('What becomes of movies');
    expect(get!.responses['200']).toEqual({
      description: 'A stream of events, which stays open.',
      content: {
        'text/event-stream': {
          schema: {
            oneOf: [
              event('movie.added', 'MovieAdded'),
              event('movie.removed', 'MovieRemoved'),
              notices,
            ],
          },
        },
      },
    });
    expect(document.components!.schemas).toMatchObject({
      MovieAdded: {
        type: 'object',
        required: ['id'],
        properties: {
          id: { type: 'number', description: 'Its number' },
          cast: {
            type: 'array',
            items: { $ref: '#/components/schemas/Actor' },
          },
        },
      },
      MovieRemoved: { properties: { id: { type: 'number' } } },
      Actor: { properties: { name: { type: 'string' } } },
    });
    expect(document.components!.schemas!.MovieAdded).not.toHaveProperty(
      'properties.secret',
    );
    // As it is served.
    const served = await answer(`${url}/api-json`);
    expect(served.body).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it('describes where a client continues, beside other parameters', async () => {
    const { document } = await start();
    const cursor = {
      required: false,
      schema: { type: 'string', maxLength: 64 },
      description: expect.any(String),
    };
    const { parameters } = document.paths['/movies/events']!.get!;
    expect(parameters).toHaveLength(3);
    expect(parameters).toEqual(
      expect.arrayContaining([
        { ...cursor, in: 'header', name: 'Last-Event-ID' },
        { ...cursor, in: 'query', name: 'lastEventId' },
        expect.objectContaining({ in: 'query', name: 'genre' }),
      ]),
    );
  });

  it('describes the refusals', async () => {
    const { document } = await start();
    const { responses } = document.paths['/movies/events']!.get!;
    expect(Object.keys(responses)).toEqual(['200', '401', '403']);
    for (const status of ['401', '403']) {
      expect(responses[status]).toMatchObject({
        content: {
          'application/json': {
            schema: { required: ['statusCode', 'message'] },
          },
        },
      });
    }
  });

  it('works above @Sse() as well', async () => {
    const { document } = await start();
    expect(
      document.paths['/movies/above']!.get!.responses['200'],
    ).toMatchObject({
      content: {
        'text/event-stream': {
          schema: { oneOf: [event('movie.removed', 'MovieRemoved'), notices] },
        },
      },
    });
  });

  it('leaves the stream as it was', async () => {
    const { hub, app } = await start();
    const clients = [
      await SseTestClient.connect(app, '/movies/events'),
      await SseTestClient.connect(app, '/movies/above'),
    ];
    await hub.publish(new MovieRemoved(1));
    for (const client of clients) {
      expect(client.headers['content-type']).toBe('text/event-stream');
      expect(await client.next()).toMatchObject({ type: 'movie.removed' });
    }
  });
});

describe('@ApiSse() is refused when the class is defined', () => {
  it('without events, and with what is none', () => {
    expect(() => ApiSse()).toThrow(InvalidEventException);
    expect(() => ApiSse(Actor)).toThrow(
      '@ApiSse(Actor): no class with @SseEvent().',
    );
    expect(() => ApiSse(undefined as never)).toThrow(
      'two files import each other',
    );
  });
});
