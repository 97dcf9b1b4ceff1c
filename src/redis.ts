export { RedisLog } from './log/redis/redis-log.js';
export type { RedisLogOptions } from './log/redis/redis-log-options.js';
