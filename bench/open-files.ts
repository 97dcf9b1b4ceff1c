import { execFileSync } from 'node:child_process';
import type { Scale } from './options.js';

/** Sockets aside, what a Node process keeps open. */
const RESERVE = 100;

/**
 * Each connection takes an open file in the server and one in the load client.
 *
 * @throws Error when the limit of open files is too low
 */
export function checkOpenFiles(scale: Scale): void {
  const needed =
    Math.max(scale.subscribers, scale.idle, scale.manyUsers, scale.returning) +
    RESERVE;
  // Node raises the soft limit to the hard one at start, and a child inherits that.
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], {
    encoding: 'utf8',
  }).trim();
  if (limit !== 'unlimited' && Number(limit) < needed) {
    throw new Error(
      `The bench needs ${needed} open files a process, the limit is ${limit}: raise it (ulimit -Hn), or use --quick.`,
    );
  }
}
