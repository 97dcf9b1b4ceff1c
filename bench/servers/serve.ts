import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerCalls } from '../processes/child.js';
import { cpuTime } from '../processes/cpu.js';

export interface Serving {
  port: number;
}

/** In bytes. */
export interface Memory {
  rss: number;
  /** `heapUsed + external`: what is referenced, without what V8 and malloc hold in reserve. */
  used: number;
}

/** Lets the bench read CPU and memory of a listening server. */
export function answerFor(server: Server): void {
  const { port } = server.address() as AddressInfo;
  answerCalls(
    {
      cpu: cpuTime,
      memory: readMemory,
      openConnections: () =>
        new Promise((resolve, reject) => {
          server.getConnections((error, count) =>
            error ? reject(error) : resolve(count),
          );
        }),
    },
    { port } satisfies Serving,
  );
}

async function readMemory(): Promise<Memory> {
  // Finalizers run after a collection and free more, and V8 gives pages back in the background.
  for (let pass = 0; pass < 4; pass++) {
    globalThis.gc!();
    await sleep(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, used: heapUsed + external };
}
