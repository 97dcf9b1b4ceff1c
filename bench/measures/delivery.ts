import type { Broadcast, Connect, Delivered } from '../load/protocol.js';
import { BURST } from '../options.js';
import {
  checkDelivered,
  serverCpu,
  type Bench,
  type Figures,
} from './measure.js';
import { meanOfPasses } from './passes.js';

const PASSES = 8;
/**
 * As a share of what is measured, what is sent before and does not count: before all passes, because code is compiled,
 * and before each, because a process that has waited for its turn is cold.
 */
const WARM_UP = 1 / 4;

/** One event at a time and bursts, to many subscribers. */
export async function measureDelivery(bench: Bench): Promise<Figures> {
  const { client, server, scale } = bench;
  await client.call('connect', {
    port: server.ready.port,
    path: '/events',
    count: scale.subscribers,
  } satisfies Connect);
  return {
    ...prefixed('single', await passes(bench, scale.singles, 1)),
    ...prefixed('burst', await passes(bench, scale.bursts, BURST)),
  };
}

async function passes(
  bench: Bench,
  events: number,
  burst: number,
): Promise<Figures> {
  const send = (share: number) =>
    broadcast(bench, { times: Math.ceil(events * share), burst });
  await send(WARM_UP);
  return meanOfPasses(PASSES, async () => {
    await bench.othersTurn();
    await send(WARM_UP / PASSES);
    return send(1 / PASSES);
  });
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
