import type { Broadcast, Connect, Delivered } from '../load/protocol.js';
import { BURST } from '../options.js';
import {
  checkDelivered,
  serverCpu,
  type Bench,
  type Figures,
} from './measure.js';

/** One event at a time and bursts, to many subscribers. */
export async function measureDelivery(bench: Bench): Promise<Figures> {
  const { client, server, scale } = bench;
  await client.call('connect', {
    port: server.ready.port,
    path: '/events',
    count: scale.subscribers,
  } satisfies Connect);
  await broadcast(bench, { times: Math.ceil(scale.singles / 4), burst: 1 });
  const single = await broadcast(bench, { times: scale.singles, burst: 1 });
  await broadcast(bench, { times: Math.ceil(scale.bursts / 4), burst: BURST });
  const burst = await broadcast(bench, { times: scale.bursts, burst: BURST });
  return { ...prefixed('single', single), ...prefixed('burst', burst) };
}

async function broadcast(bench: Bench, how: Broadcast): Promise<Figures> {
  const { cpu, result } = await serverCpu(bench, () =>
    bench.client.call<Delivered>('broadcast', how),
  );
  checkDelivered(bench, `delivery, ${how.times} times ${how.burst}`, result);
  return {
    cpu: cpu / result.deliveries,
    rate: (result.deliveries / result.wall) * 1_000,
    p50: result.latency.p50,
    p99: result.latency.p99,
    clientLoad: result.clientLoad,
  };
}

function prefixed(prefix: string, figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      `${prefix}.${name}`,
      value,
    ]),
  );
}
