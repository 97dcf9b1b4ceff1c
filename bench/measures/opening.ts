import { setTimeout as sleep } from 'node:timers/promises';
import type { Connect, Replay } from '../load/protocol.js';
import type { Bench } from './measure.js';

const CLOSE_TIMEOUT = 20_000;

/** Opens connections; with a replay it waits until each has everything that it missed. */
export async function open(
  bench: Bench,
  count: number,
  replay?: Replay,
): Promise<void> {
  const { client, server } = bench;
  const missing = await client.call<number>('connect', {
    port: server.ready.port,
    path: '/events',
    count,
    replay,
  } satisfies Connect);
  if (missing > 0) {
    bench.problems.push(`replay: ${missing} events are missing`);
  }
  const connections = await server.call<number>('openConnections');
  if (connections !== count) {
    bench.problems.push(`connections: ${connections} of ${count} are open`);
  }
}

export async function close({ client, server }: Bench): Promise<void> {
  await client.call('disconnect');
  const deadline = Date.now() + CLOSE_TIMEOUT;
  while ((await server.call<number>('openConnections')) > 0) {
    if (Date.now() > deadline)
      throw new Error('the server keeps closed connections');
    await sleep(20);
  }
}
