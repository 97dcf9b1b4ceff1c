import { jest } from '@jest/globals';
import {
  EventTooLargeException,
  InvalidEventException,
} from './hub.exceptions.js';
import { toRecord } from './publisher.js';
import type { NewEvent } from './publisher.js';
import { UnserializableDataException } from './serialize.js';
import { InvalidTopicException } from './topic.js';

const record = (event: object, maxBytes = 1_000) =>
  toRecord('movies', { data: 1, ...event } as NewEvent, maxBytes);

const refusal = (event: object): string => {
  try {
    record(event);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidEventException);
    return (error as Error).message;
  }
  throw new Error('The event was taken.');
};

describe('an event becomes a record', () => {
  it('with topic, type, data as JSON and the time', () => {
    jest.useFakeTimers({ now: 1_234 });
    try {
      expect(record({ type: 'movie.added', data: { title: 'Alien' } })).toEqual(
        {
          topic: 'movies',
          type: 'movie.added',
          data: '{"title":"Alien"}',
          time: 1_234,
          audience: undefined,
          idempotencyKey: undefined,
        },
      );
    } finally {
      jest.useRealTimers();
    }
  });

  it('of type message when none is said', () => {
    expect(record({}).type).toBe('message');
    expect(record({ type: undefined }).type).toBe('message');
  });

  it.each([
    'a',
    'movie.added',
    'hub',
    'hubs.x',
    'errors',
    'opened',
    'ünï cöde',
  ])('of type %j', (type) => {
    expect(record({ type }).type).toBe(type);
  });

  it('with the ids of users and roles as strings', () => {
    expect(record({ users: [42, '7', 9n], roles: ['admin'] }).audience).toEqual(
      { users: ['42', '7', '9'], roles: ['admin'] },
    );
    expect(record({ users: [42] }).audience).toEqual({ users: ['42'] });
    expect(record({ roles: ['admin'] }).audience).toEqual({ roles: ['admin'] });
  });

  it('for everyone when neither users nor roles are said', () => {
    expect(record({}).audience).toBeUndefined();
    expect(
      record({ users: undefined, roles: undefined }).audience,
    ).toBeUndefined();
  });

  it('for nobody when users or roles are an empty list', () => {
    expect(record({ users: [] }).audience).toEqual({ users: [] });
    expect(record({ roles: [] }).audience).toEqual({ roles: [] });
  });

  it('with an idempotency key of 1 to 255 characters, which counts for its topic', () => {
    expect(record({ idempotencyKey: 'k' }).idempotencyKey).toBe('movies k');
    expect(
      record({ idempotencyKey: 'k'.repeat(255) }).idempotencyKey,
    ).toHaveLength('movies '.length + 255);
  });
});

describe('publish refuses', () => {
  it('a topic that is not literal', () => {
    expect(() => toRecord('users.*', { data: 1 }, 100)).toThrow(
      InvalidTopicException,
    );
  });

  it.each([undefined, null, 'text', 42])('%j in place of an event', (event) => {
    expect(() => toRecord('movies', event as never, 100)).toThrow(
      InvalidEventException,
    );
    expect(() => toRecord('movies', event as never, 100)).toThrow(
      /publish\('movies', …\): the event must be \{ type\?, data \}/,
    );
  });

  it('a field that it does not know, naming those it does', () => {
    const message = refusal({ user: ['42'] });

    expect(message).toContain('unknown field "user"');
    expect(message).toContain(
      'type, data, users, roles, ephemeral, idempotencyKey',
    );
  });

  it.each(['', null, 42, {}, 'x'.repeat(256)])('the type %j', (type) => {
    expect(refusal({ type })).toContain(
      '"type" must be a string of 1 to 255 characters',
    );
  });

  it.each(['a\rb', 'a\nb', 'a\r\nb', 'a\0b', '\n'])(
    'the type %j, which would end a field of the stream',
    (type) => {
      const message = refusal({ type });

      expect(message).toContain('"type"');
      expect(message).toContain(JSON.stringify(type));
      expect(message).toContain('CR, LF or NUL');
    },
  );

  it.each(['hub.reset', 'hub.', 'hub.anything', 'error', 'open'])(
    'the reserved type %j',
    (type) => {
      expect(refusal({ type })).toContain(`the type "${type}" is reserved`);
    },
  );

  it.each(['', null, 42, 'k'.repeat(256)])(
    'the idempotency key %j',
    (idempotencyKey) => {
      expect(refusal({ idempotencyKey })).toContain(
        '"idempotencyKey" must be a string of 1 to 255 characters',
      );
    },
  );

  it('an idempotency key on an ephemeral event, which is not kept', () => {
    const message = refusal({ ephemeral: true, idempotencyKey: 'k' });

    expect(message).toContain('ephemeral');
    expect(message).toContain('"idempotencyKey"');
  });

  it.each([
    ['users', '42'],
    ['users', 42],
    ['users', new Set(['42'])],
    ['users', ['42', '']],
    ['users', [undefined]],
    ['users', [null]],
    ['users', [{ id: 42 }]],
    ['users', null],
    ['roles', 'admin'],
    ['roles', [undefined]],
    ['roles', null],
  ])('%s that are %j', (field, value) => {
    expect(refusal({ [field]: value })).toContain(
      `"${field}" must be an array of ids`,
    );
  });

  it('data that cannot become JSON, naming the place', () => {
    expect(() => record({ data: undefined })).toThrow(
      UnserializableDataException,
    );
    expect(() => record({ data: { n: 1n } })).toThrow(/data\.n is a BigInt/);
  });

  it('more data than fits, measured in bytes and not in characters', () => {
    const data = '€'.repeat(10);
    const bytes = Buffer.byteLength(JSON.stringify(data));

    expect(bytes).toBe(32);
    expect(record({ data }, bytes).data).toBe(JSON.stringify(data));
    expect(() => record({ data }, bytes - 1)).toThrow(EventTooLargeException);
    expect(() => record({ data }, bytes - 1)).toThrow(
      /has 32 bytes as JSON; at most 31 fit \(slowClient\.maxPendingBytes\)/,
    );
  });
});
