import { RedisMissingException } from './redis-log.exceptions.js';

/**
 * The package `redis`. Not imported at the top: who has not installed it, because another log is used, can import
 * what names `RedisLog`.
 *
 * @throws RedisMissingException
 */
export async function nodeRedis(): Promise<typeof import('redis')> {
  try {
    return await import('redis');
  } catch (cause) {
    const { code, message } = Object(cause) as NodeJS.ErrnoException;
    // And not a package that it needs itself.
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes("'redis'")) {
      throw new RedisMissingException(
        'RedisLog needs the package "redis", which is not installed: npm install redis@6',
        { cause },
      );
    }
    throw cause;
  }
}
