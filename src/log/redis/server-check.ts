import { LogUnavailableException } from '../log.exceptions.js';

/** The oldest server that has what the scripts use (exclusive ranges). */
const OLDEST = [6, 2] as const;

/**
 * Looks whether a server can keep a log. One that does not let its user ask (`INFO`) is taken at its word.
 *
 * @param info what the server says of itself
 * @returns what operators should know, if anything
 * @throws LogUnavailableException when it cannot
 */
export function checkServer(info: string, address: string): string | undefined {
  const fact = (name: string): string | undefined =>
    new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const version = fact('redis_version');
  if (version !== undefined && isOlder(version)) {
    throw new LogUnavailableException(
      `Redis at ${address} has version ${version}; RedisLog needs ${OLDEST.join('.')} or newer.`,
    );
  }
  if (fact('redis_mode') === 'cluster') {
    throw new LogUnavailableException(
      `Redis at ${address} is part of a cluster, which RedisLog does not speak to: give the address of a server that is not in one.`,
    );
  }
  const policy = fact('maxmemory_policy');
  return policy?.startsWith('allkeys-') && Number(fact('maxmemory')) > 0
    ? `Redis at ${address} may evict the log (maxmemory-policy ${policy}), which clients see as hub.reset: set noeviction, or a volatile- policy.`
    : undefined;
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}
