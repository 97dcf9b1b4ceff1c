import { LogUnavailableException } from '../log.exceptions.js';
import { checkServer } from './server-check.js';

const infoOf = (facts: Record<string, string | number>) =>
  Object.entries(facts)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('');

const check = (facts: Record<string, string | number>) =>
  checkServer(
    infoOf({ redis_version: '7.0.15', redis_mode: 'standalone', ...facts }),
    'redis://db:6379',
  );

describe('checkServer', () => {
  it.each(['6.2.0', '7.0.15', '8.2.1', '10.0.0'])('takes %s', (version) => {
    expect(check({ redis_version: version })).toBeUndefined();
  });

  it.each(['6.0.16', '5.0.14', '2.8.0'])('refuses %s', (version) => {
    expect(() => check({ redis_version: version })).toThrow(
      new LogUnavailableException(
        `Redis at redis://db:6379 has version ${version}; RedisLog needs 6.2 or newer.`,
      ),
    );
  });

  it('refuses a part of a cluster', () => {
    expect(() => check({ redis_mode: 'cluster' })).toThrow(/not in one/);
  });

  it('warns of a server that may evict the log', () => {
    expect(check({ maxmemory: 100, maxmemory_policy: 'allkeys-lru' })).toMatch(
      /redis:\/\/db:6379 .*allkeys-lru.* noeviction/,
    );
    expect(
      check({ maxmemory: 0, maxmemory_policy: 'allkeys-lru' }),
    ).toBeUndefined();
    expect(
      check({ maxmemory: 100, maxmemory_policy: 'volatile-lru' }),
    ).toBeUndefined();
    expect(
      check({ maxmemory: 100, maxmemory_policy: 'noeviction' }),
    ).toBeUndefined();
  });

  it('takes a server at its word that says nothing', () => {
    expect(checkServer('', 'redis://db:6379')).toBeUndefined();
  });
});
