import { LogUnavailableException } from '../log.exceptions.js';
import type { RedisLink } from './redis-link.js';

/** The oldest server that has what the scripts use (exclusive ranges, `XTRIM MINID`). */
const OLDEST = [6, 2] as const;

/** What a server says of itself. */
export interface ServerFacts {
  /** What operators should know, if anything. */
  readonly warning?: string;
}

/**
 * Looks whether a server can keep a log. One that does not let its user ask is taken at its word.
 *
 * @throws LogUnavailableException when it cannot
 */
export async function checkServer(
  link: RedisLink,
  address: string,
): Promise<ServerFacts> {
  const info = await link.send(['INFO']).then(
    (reply) => String(reply),
    () => '',
  );
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
  const evicts =
    policy?.startsWith('allkeys-') && Number(fact('maxmemory')) > 0;
  return evicts
    ? {
        warning: `Redis at ${address} may evict the log (maxmemory-policy ${policy}), which clients see as hub.reset: set noeviction, or a volatile- policy.`,
      }
    : {};
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}
