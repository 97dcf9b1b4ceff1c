// The load client: all subscribers and the publisher, in a process of their own.
import { answerCalls } from '../processes/child.js';
import { cpuTime } from '../processes/cpu.js';
import { Deliveries } from './deliveries.js';
import { Latencies } from './latencies.js';
import type {
  Broadcast,
  Connect,
  Delivered,
  PublishToUsers,
} from './protocol.js';
import { Publisher } from './publisher.js';
import { Subscriber } from './subscriber.js';

/** Connects under way at a time: enough to keep the server busy, below every listen backlog. */
const CONNECTING = 64;
/** Subscribers whose latency is taken. */
const SAMPLED = 20;

let subscribers: Subscriber[] = [];
let sampled = new Set<Subscriber>();
let publisher: Publisher;
let deliveries = new Deliveries();
let latencies = new Latencies();

function received(subscriber: Subscriber): void {
  if (sampled.has(subscriber)) latencies.sample();
  deliveries.arrived();
}

async function connect({
  port,
  path,
  count,
  replay,
}: Connect): Promise<number> {
  publisher = new Publisher(port);
  sampled = new Set();
  deliveries = new Deliveries();
  deliveries.expect(count * (replay?.events ?? 0));
  const opened: Subscriber[] = [];
  let next = 0;
  const openNext = async (): Promise<void> => {
    while (next < count) {
      const n = next++;
      opened[n] = await Subscriber.open(
        port,
        path.replace(':n', String(n)),
        received,
        replay,
      );
    }
  };
  await Promise.all(Array.from({ length: CONNECTING }, openNext));
  subscribers = opened;
  const step = Math.ceil(count / SAMPLED);
  sampled = new Set(opened.filter((_, index) => index % step === 0));
  await deliveries.settled();
  const misplaced = opened.reduce((sum, { misplaced }) => sum + misplaced, 0);
  return deliveries.missing + misplaced;
}

function disconnect(): void {
  for (const subscriber of subscribers) subscriber.close();
  publisher.close();
  subscribers = [];
}

/** Publishes to everybody; the next publish waits for all deliveries of the one before, so that none is batched with it. */
function broadcast({ times, burst }: Broadcast): Promise<Delivered> {
  return measure(times * burst * subscribers.length, async () => {
    for (let time = 0; time < times && deliveries.missing === 0; time++) {
      deliveries.expect(burst * subscribers.length);
      latencies.publishing();
      await publisher.publish(`/publish?count=${burst}`, subscribers[0].next);
      await deliveries.settled();
    }
  });
}

/** Publishes to one user after the other, spread over all of them. */
function publishToUsers({ path, events }: PublishToUsers): Promise<Delivered> {
  return measure(events, async () => {
    for (let event = 0; event < events && deliveries.missing === 0; event++) {
      const user = event % subscribers.length;
      deliveries.expect(1);
      latencies.publishing();
      await publisher.publish(
        path.replace(':n', String(user)),
        subscribers[user].next,
      );
      await deliveries.settled();
    }
  });
}

async function measure(
  expected: number,
  publish: () => Promise<void>,
): Promise<Delivered> {
  deliveries = new Deliveries();
  latencies = new Latencies();
  const cpuBefore = cpuTime();
  const before = performance.now();
  await publish();
  const wall = performance.now() - before;
  const cpu = (cpuTime() - cpuBefore) / 1_000;
  return {
    deliveries: expected,
    missing: deliveries.missing,
    misplaced: subscribers.reduce((sum, { misplaced }) => sum + misplaced, 0),
    closed: subscribers.filter(({ closed }) => closed).length,
    wall,
    latency: {
      p50: latencies.percentile(0.5),
      p99: latencies.percentile(0.99),
    },
    clientLoad: cpu / wall,
  };
}

answerCalls({ connect, disconnect, broadcast, publishToUsers });
