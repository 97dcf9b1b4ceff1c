import { createClient } from 'redis';
import { InvalidOptionException } from '../../options/check-options.js';
import { toSettings } from './redis-log-options.js';

describe('The options of a RedisLog', () => {
  it('have the documented defaults', () => {
    expect(toSettings({ maxAge: undefined })).toEqual({
      stream: 'sse-hub',
      timeout: 5_000,
      maxEvents: 100_000,
      maxBytes: 268_435_456,
      maxAge: 86_400_000,
    });
  });

  it.each([
    [
      { url: 'localhost:6379' },
      /"url" is "localhost:6379"; it must be a URL such as "redis:/,
    ],
    [{ url: 'http://a' }, /"url"/],
    [{ url: 'redis://a/db' }, /"url"/],
    [{ url: 7 }, /"url" is 7/],
    [{ client: {} }, /"client".*createClient/],
    [{ stream: '' }, /"stream"/],
    [{ stream: 'a{b}' }, /"stream" is "a{b}".*braces/],
    [{ timeout: 0 }, /"timeout" is 0.*from 10/],
    [{ timeout: Infinity }, /"timeout"/],
    [{ maxEvents: 0 }, /"maxEvents"/],
    [{ maxBytes: 1.5 }, /"maxBytes"/],
    [{ maxAge: -1 }, /"maxAge"/],
    [{ strem: 'a' }, /unknown option "strem"/],
    [{ url: 'redis://a', client: createClient() }, /"url" and "client" both/],
  ])('are refused: %j', (options, message) => {
    expect(() => toSettings(options as object)).toThrow(InvalidOptionException);
    expect(() => toSettings(options as object)).toThrow(message);
  });

  it.each([
    'redis://localhost',
    'rediss://user:p%40ss@db.example:6380/3',
    'redis://[::1]:6379/',
  ])('take %s', (url) => {
    expect(toSettings({ url }).url).toBe(url);
  });

  it('are never shown with a password', () => {
    for (const url of [
      'http://me:s3cret@a',
      'redis://me:s3cret@a/x',
      'redis//me:s3cret@a',
    ]) {
      expect(() => toSettings({ url })).toThrow(/…@a/);
      expect(() => toSettings({ url })).not.toThrow(/s3cret/);
    }
  });
});
