import { setTimeout as sleep } from 'node:timers/promises';
import type { Broadcast, Connect, Delivered } from '../load/protocol.js';
import type { ServerProcess } from '../servers/catalogue.js';
import {
  checkDelivered,
  serverCpu,
  type Bench,
  type Figures,
} from './measure.js';
import { request } from './request.js';

const SUBSCRIBERS = 20;
const FOLLOW_TIMEOUT = 30_000;

/** What the log adds: few subscribers, one event at a time and then as many as it takes. */
export async function measureLog(bench: Bench): Promise<Figures> {
  const { logSingles, logEvents } = bench.scale;
  await connect(bench, SUBSCRIBERS);
  await broadcast(bench, { times: Math.ceil(logSingles / 4), burst: 1 });
  const single = await broadcast(bench, { times: logSingles, burst: 1 });
  await bench.client.call('disconnect');
  // One is enough to tell that everything has come, and leaves the time to the log.
  await bench.restart();
  await connect(bench, 1);
  await broadcast(bench, { times: 1, burst: Math.ceil(logEvents / 4) });
  const many = await broadcast(bench, { times: 1, burst: logEvents });
  return {
    'log.p50': single.result.latency.p50,
    'log.p99': single.result.latency.p99,
    'log.rateSingle': rate(single.result, logSingles),
    'log.rate': rate(many.result, logEvents),
    'log.cpu': many.cpu / logEvents,
    ...(bench.engine?.shared && {
      'log.followCpu': await measureFollowing(bench),
    }),
  };
}

/** CPU for each event in a node that has neither published it nor anybody who wants it. */
async function measureFollowing(bench: Bench): Promise<number> {
  const { logEvents } = bench.scale;
  const other = await bench.another();
  try {
    await broadcast(bench, { times: 1, burst: Math.ceil(logEvents / 4) });
    await caughtUp(other, bench.server);
    const before = await other.call<number>('cpu');
    await broadcast(bench, { times: 1, burst: logEvents });
    await caughtUp(other, bench.server);
    const after = await other.call<number>('cpu');
    return (after - before) / logEvents;
  } finally {
    await other.stop();
  }
}

async function caughtUp(
  { ready }: ServerProcess,
  leader: ServerProcess,
): Promise<void> {
  const head = (port: number) => request<string[]>(port, 'GET', '/head');
  const [target] = await head(leader.ready.port);
  const deadline = Date.now() + FOLLOW_TIMEOUT;
  while ((await head(ready.port))[0] < target) {
    if (Date.now() > deadline)
      throw new Error('the other node does not catch up');
    await sleep(20);
  }
}

async function connect({ client, server }: Bench, count: number) {
  await client.call('connect', {
    port: server.ready.port,
    path: '/events',
    count,
  } satisfies Connect);
}

async function broadcast(bench: Bench, how: Broadcast) {
  const measured = await serverCpu(bench, () =>
    bench.client.call<Delivered>('broadcast', how),
  );
  checkDelivered(
    bench,
    `log, ${how.times} times ${how.burst}`,
    measured.result,
  );
  return measured;
}

function rate({ wall }: Delivered, events: number): number {
  return (events / wall) * 1_000;
}
