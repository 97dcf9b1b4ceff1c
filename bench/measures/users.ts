import type { Connect, Delivered, PublishToUsers } from '../load/protocol.js';
import {
  checkDelivered,
  serverCpu,
  type Bench,
  type Figures,
} from './measure.js';

/** Each user has a topic of its own. */
export function measureUserTopics(bench: Bench): Promise<Figures> {
  return measureUsers(bench, 'userTopics', '/users/:n');
}

/** All users listen to the same topic, and each event is for one of them. */
export function measureAudience(bench: Bench): Promise<Figures> {
  return measureUsers(bench, 'audience', '/inbox/:n');
}

/** CPU of a publish to one user when few, and when many, are connected. */
async function measureUsers(
  bench: Bench,
  prefix: string,
  path: string,
): Promise<Figures> {
  const { fewUsers, manyUsers } = bench.scale;
  const few = await measureWith(bench, path, fewUsers);
  await bench.client.call('disconnect');
  const many = await measureWith(bench, path, manyUsers);
  return { [`${prefix}.few`]: few, [`${prefix}.many`]: many };
}

async function measureWith(
  bench: Bench,
  path: string,
  count: number,
): Promise<number> {
  const { client, server } = bench;
  await client.call('connect', {
    port: server.ready.port,
    path: `${path}/events`,
    count,
  } satisfies Connect);
  // As many again as are measured: or the first figure would be that of cold code.
  await publish(bench, path);
  return publish(bench, path);
}

async function publish(bench: Bench, path: string): Promise<number> {
  const events = bench.scale.userEvents;
  const { cpu, result } = await serverCpu(bench, () =>
    bench.client.call<Delivered>('publishToUsers', {
      path: `${path}/publish`,
      events,
    } satisfies PublishToUsers),
  );
  checkDelivered(bench, `${path}, ${events} events`, result);
  return cpu / events;
}
