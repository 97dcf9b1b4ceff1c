import { setTimeout as sleep } from 'node:timers/promises';
import type { Connect } from '../load/protocol.js';
import type { Memory } from '../servers/serve.js';
import { serverCpu, type Bench, type Figures } from './measure.js';

const CLOSE_TIMEOUT = 20_000;
/** Passes behind which opening a connection costs what it costs in a server that has run for a while. */
const WARM_UP = 2;

/** Memory of idle connections, then the CPU that opening one takes. */
export async function measureConnections(bench: Bench): Promise<Figures> {
  const { server, scale } = bench;
  // Loads what the first connections load; few, so that little freed memory is left for the others to move into.
  await open(bench, Math.ceil(scale.idle / 25));
  await close(bench);
  const before = await server.call<Memory>('memory');
  await open(bench, scale.idle);
  const after = await server.call<Memory>('memory');
  await close(bench);
  // Until some ten thousand connections have been opened, compiling the code takes up to half of the time. What the closed
  // ones have left behind is collected first.
  for (let pass = 0; pass < WARM_UP; pass++) {
    await open(bench, scale.idle);
    await close(bench);
  }
  await server.call('collectGarbage');
  const { cpu } = await serverCpu(bench, () => open(bench, scale.idle));
  return {
    rss: (after.rss - before.rss) / 1024 / scale.idle,
    used: (after.used - before.used) / 1024 / scale.idle,
    connectCpu: cpu / scale.idle,
  };
}

async function open(bench: Bench, count: number): Promise<void> {
  const { client, server } = bench;
  await client.call('connect', {
    port: server.ready.port,
    path: '/events',
    count,
  } satisfies Connect);
  const connections = await server.call<number>('openConnections');
  if (connections !== count) {
    bench.problems.push(`connections: ${connections} of ${count} are open`);
  }
}

async function close({ client, server }: Bench): Promise<void> {
  await client.call('disconnect');
  const deadline = Date.now() + CLOSE_TIMEOUT;
  while ((await server.call<number>('openConnections')) > 0) {
    if (Date.now() > deadline)
      throw new Error('the server keeps closed connections');
    await sleep(20);
  }
}
