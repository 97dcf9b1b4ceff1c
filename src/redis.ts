export { RedisLog } from './log/redis/redis-log.js';
export type { RedisLogOptions } from './log/redis/redis-log-options.js';
export { RedisMissingException } from './log/redis/redis-log.exceptions.js';
