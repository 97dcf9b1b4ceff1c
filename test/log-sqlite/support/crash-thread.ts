// Loaded into the thread that writes, so that it can be made to crash as it never does by itself.
import { BroadcastChannel } from 'node:worker_threads';
import type { Crash } from './process-calls.ts';

const crashes: Record<Crash, () => void> = {
  throw: () => {
    throw new Error('broken');
  },
  reject: () => void Promise.reject(new Error('broken')),
  exit: () => process.exit(1),
};

const channel = new BroadcastChannel('crash');
channel.onmessage = ({ data }: any) => crashes[data as Crash]();
channel.unref();
