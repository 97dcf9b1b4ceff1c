import type { Connect, Delivered, PublishToUsers } from '../load/protocol.js';
import {
  checkDelivered,
  serverCpu,
  type Bench,
  type Figures,
} from './measure.js';

/** CPU of a publish to one user's topic when few, and when many, have a topic each. */
export async function measureUserTopics(bench: Bench): Promise<Figures> {
  const { fewUsers, manyUsers, userEvents } = bench.scale;
  await connectUsers(bench, fewUsers);
  // As many again as are measured: or the first figure would be that of cold code.
  await publish(bench, userEvents);
  const few = await publish(bench, userEvents);
  await bench.client.call('disconnect');
  await connectUsers(bench, manyUsers);
  await publish(bench, userEvents);
  const many = await publish(bench, userEvents);
  return { 'userTopics.few': few, 'userTopics.many': many };
}

function connectUsers({ client, server }: Bench, count: number): Promise<void> {
  return client.call('connect', {
    port: server.ready.port,
    path: '/users/:n/events',
    count,
  } satisfies Connect);
}

async function publish(bench: Bench, events: number): Promise<number> {
  const { cpu, result } = await serverCpu(bench, () =>
    bench.client.call<Delivered>('publishToUsers', {
      events,
    } satisfies PublishToUsers),
  );
  checkDelivered(bench, `user topics, ${events} events`, result);
  return cpu / events;
}
