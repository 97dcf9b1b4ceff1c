import type { RedisServer } from '../../support/redis-server.js';

/** One entry as the engine itself has it, whatever the log makes of it. */
export interface StreamEntry {
  readonly id: string;
  /** The number of the event; `undefined` for what is no event of a run. */
  readonly event: number | undefined;
}

/** How many entries are read at the end of a run. */
const NEWEST = 50_000;

/** How many of them at a time. */
const PAGE = 1_000;

/** The key of the only stream that there is; `undefined` when there is none. */
export async function streamKey(
  redis: RedisServer,
): Promise<string | undefined> {
  const keys: string[] = [];
  let at = '0';
  do {
    const args = ['SCAN', at, 'COUNT', '1000', 'TYPE', 'stream'];
    const answer = (await redis.command(...args)) as [string, string[]];
    at = answer[0];
    keys.push(...answer[1]);
  } while (at !== '0');
  if (keys.length > 1) {
    throw new Error(`There are several streams: ${keys.join(', ')}`);
  }
  return keys[0];
}

/** The newest entries, newest first. */
export async function newestEntries(
  redis: RedisServer,
  count: number,
): Promise<StreamEntry[]> {
  const key = await streamKey(redis);
  if (key === undefined) {
    return [];
  }
  const all: StreamEntry[] = [];
  for (let end = '+'; all.length < count; end = `(${all.at(-1)!.id}`) {
    const most = String(Math.min(PAGE, count - all.length));
    const args = ['XREVRANGE', key, end, '-', 'COUNT', most];
    const page = (await redis.command(...args)) as [string, string[]][];
    if (page.length === 0) {
      break;
    }
    all.push(...page.map(toEntry));
  }
  return all;
}

function toEntry([id, fields]: [string, string[]]): StreamEntry {
  const found = /\\?"event\\?":(\d+)/.exec(fields.join(' '));
  return { id, event: found === null ? undefined : Number(found[1]) };
}

/** The newest events that the engine has, oldest first. */
export async function retainedEvents(redis: RedisServer): Promise<number[]> {
  const entries = await newestEntries(redis, NEWEST);
  return entries
    .reverse()
    .map(({ event }) => event)
    .filter((event) => event !== undefined);
}
