import { MemoryLog } from './log/memory/memory-log.js';
import { InvalidOptionException } from './options/check-options.js';
import { resolveOptions } from './sse.module-options.js';
import type { SseModuleOptions } from './sse.module-options.js';

const MAX_DURATION = 2_147_483_647;
const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

const nest = (path: string, value: unknown): SseModuleOptions =>
  path
    .split('.')
    .reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as never;

const nameOf = (path: string): string => path.split('.').at(-1)!;

const refusal = (options: unknown): string => {
  try {
    resolveOptions(options as SseModuleOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionException);
    return (error as Error).message;
  }
  throw new Error('The options were taken.');
};

describe('the options of SseModule', () => {
  it('have the defaults that their documentation says', () => {
    const { log, user, userId, roles, leaseUntil, ...rest } = resolveOptions(
      {},
    );

    expect(log).toBeInstanceOf(MemoryLog);
    for (const each of [user, userId, roles, leaseUntil]) {
      expect(typeof each).toBe('function');
    }
    expect(rest).toEqual({
      window: { events: 2_048, bytes: 8_388_608 },
      heartbeat: 15_000,
      retry: 3_000,
      slowClient: { maxPendingBytes: 1_048_576, stallTimeout: 30_000 },
      closeGrace: 5_000,
      unlistedTopics: 'allow',
      loadUser: undefined,
      revalidate: undefined,
      revalidateEvery: 60_000,
      revalidateConcurrency: 16,
      authorizationTimeout: 10_000,
      limits: {
        connections: 50_000,
        connectionsPerUser: 32,
        topicsPerStream: 256,
        retry: 60_000,
      },
      presenceGrace: 10_000,
    });
  });

  it('are kept where given, also next to a default', () => {
    const log = new MemoryLog();
    const user = (): string => 'somebody';
    const resolved = resolveOptions({
      log,
      user,
      heartbeat: 20_000,
      retry: 0,
      closeGrace: 0,
      window: { events: 5 },
      slowClient: { stallTimeout: 100 },
    });

    expect(resolved).toMatchObject({
      heartbeat: 20_000,
      retry: 0,
      closeGrace: 0,
      window: { events: 5, bytes: 8_388_608 },
      slowClient: { stallTimeout: 100, maxPendingBytes: 1_048_576 },
    });
    expect(resolved.log).toBe(log);
    expect(resolved.user).toBe(user);
  });

  it('do not share a log between two apps', () => {
    expect(resolveOptions({}).log).not.toBe(resolveOptions({}).log);
  });

  describe.each<[string, 'a number' | 'an integer', number, number]>([
    ['heartbeat', 'a number', 100, MAX_DURATION],
    ['retry', 'a number', 0, MAX_DURATION],
    ['closeGrace', 'a number', 0, MAX_DURATION],
    ['authorizationTimeout', 'a number', 1, MAX_DURATION],
    ['limits.topicsPerStream', 'an integer', 1, MAX_INTEGER],
    ['slowClient.stallTimeout', 'a number', 100, MAX_DURATION],
    ['slowClient.maxPendingBytes', 'an integer', 4_096, MAX_INTEGER],
    ['window.events', 'an integer', 1, MAX_INTEGER],
    ['window.bytes', 'an integer', 1, MAX_INTEGER],
    ['revalidateEvery', 'a number', 100, MAX_DURATION],
    ['revalidateConcurrency', 'an integer', 1, MAX_INTEGER],
    ['authorizationTimeout', 'a number', 1, MAX_DURATION],
    ['limits.retry', 'a number', 0, MAX_DURATION],
    ['presenceGrace', 'a number', 0, MAX_DURATION],
  ])('refuse %s', (path, kind, min, max) => {
    const wrong = [min - 1, -5, max + 1, NaN, Infinity, -Infinity, '5', null];

    it.each([
      ...wrong,
      true,
      {},
      ...(kind === 'an integer' ? [min + 0.5] : []),
    ])('that is %p, with the range in the message', (value) => {
      const message = refusal(nest(path, value));

      expect(message).toMatch(/^SseModule: /);
      expect(message).toContain(`"${nameOf(path)}" is `);
      expect(message).toContain(`it must be ${kind} from ${min} to ${max}.`);
      if (typeof value === 'number') {
        expect(message).toContain(`is ${value};`);
      }
    });
  });

  describe.each(['connections', 'connectionsPerUser'])(
    'refuse limits.%s',
    (name) => {
      it.each([0, -1, 1.5, NaN, -Infinity, '5', null, true])(
        'that is %p, with the range in the message',
        (value) => {
          expect(refusal({ limits: { [name]: value } })).toContain(
            `it must be an integer from 1 to ${MAX_INTEGER}, or Infinity.`,
          );
        },
      );

      it('not if it is Infinity, which lifts it', () => {
        const { limits } = resolveOptions({ limits: { [name]: Infinity } });
        expect(limits).toMatchObject({ [name]: Infinity });
      });
    },
  );

  it.each(['user', 'userId', 'roles', 'leaseUntil', 'revalidate'])(
    'refuse %s that is no function',
    (name) => {
      expect(refusal({ [name]: 'id' })).toBe(
        `SseModule: option "${name}" is "id"; it must be a function.`,
      );
    },
  );

  it.each(['deny all', '', true, null, ['deny']])(
    'refuse unlistedTopics that is %p, with what it may be',
    (unlistedTopics) => {
      expect(refusal({ unlistedTopics })).toMatch(
        /^SseModule: option "unlistedTopics" is .*; it must be "allow" or "deny"\.$/,
      );
    },
  );

  it.each([null, {}, 'redis', MemoryLog])('refuse a log that is %p', (log) => {
    expect(refusal({ log })).toMatch(
      /^SseModule: option "log" is .*; it must be an EventLog, such as new MemoryLog\(\)\.$/,
    );
  });

  it('take a log of any class that has its methods', () => {
    const method = (): never => {
      throw new Error('not called');
    };
    const log = {
      capabilities: { durable: false, shared: false },
      open: method,
      append: method,
      signal: method,
      tail: method,
      read: method,
      readBack: method,
      bounds: method,
      health: method,
      close: method,
    };

    expect(resolveOptions({ log }).log).toBe(log);
    expect(refusal({ log: { ...log, tail: undefined } })).toContain('"log"');
  });

  it.each([
    [{ heartbeats: 5 }, 'unknown option "heartbeats"', 'heartbeat, retry'],
    [{ window: { size: 5 } }, 'unknown option "size"', 'events, bytes'],
    [
      { slowClient: { timeout: 5 } },
      'unknown option "timeout"',
      'maxPendingBytes, stallTimeout',
    ],
  ])('refuse %j and name those they know', (options, message, known) => {
    expect(refusal(options)).toContain(message);
    expect(refusal(options)).toContain(known);
  });

  it.each([null, 5, 'text', []])('refuse %j in their place', (options) => {
    expect(refusal(options)).toMatch(/^SseModule: the options are /);
  });

  it('refuse a window that one event could fill, with both values', () => {
    const message = refusal({
      window: { bytes: 9_999 },
      slowClient: { maxPendingBytes: 10_000 },
    });

    expect(message).toContain('"window.bytes" is 9999');
    expect(message).toContain('"slowClient.maxPendingBytes" (10000)');
    expect(() =>
      resolveOptions({
        window: { bytes: 10_000 },
        slowClient: { maxPendingBytes: 10_000 },
      }),
    ).not.toThrow();
  });

  it.each([
    ['revalidateEvery', 5_000],
    ['revalidateConcurrency', 4],
  ])('refuse %s without revalidate, with both names', (name, value) => {
    const message = refusal({ [name]: value });

    expect(message).toContain(`"${name}" is ${value}`);
    expect(message).toContain('there is no "revalidate"');
    expect(() =>
      resolveOptions({ [name]: value, revalidate: () => true }),
    ).not.toThrow();
  });

  it('refuse a limits.retry that is shorter than retry, with both values', () => {
    const message = refusal({ retry: 5_000, limits: { retry: 4_999 } });

    expect(message).toContain('"limits.retry" is 4999');
    expect(message).toContain('"retry" (5000)');
    expect(resolveOptions({ retry: 90_000 }).limits.retry).toBe(90_000);
  });

  it('refuse a contradiction with a default, too', () => {
    expect(refusal({ window: { bytes: 1_000 } })).toContain('(1048576)');
    expect(refusal({ slowClient: { maxPendingBytes: 2 ** 24 } })).toContain(
      '"window.bytes" is 8388608',
    );
  });
});
