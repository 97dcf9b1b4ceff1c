import type { Memory } from '../servers/serve.js';
import { serverCpu, type Bench, type Figures } from './measure.js';
import { close, open } from './opening.js';
import { meanOfPasses } from './passes.js';

/** Passes behind which opening a connection costs what it costs in a server that has run for a while. */
const WARM_UP = 3;
/** Passes that are measured: what the garbage collector does comes in some of them, and belongs to all. */
const MEASURED = 12;

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
  // Until some ten thousand connections have been opened, compiling the code takes up to half of the time. Nothing is
  // collected by force from here on: with the last object of a shape V8 throws away what it has compiled for it.
  await meanOfPasses(WARM_UP, () => pass(bench));
  const connecting = await meanOfPasses(MEASURED, async () => {
    await bench.othersTurn();
    return pass(bench);
  });
  return {
    rss: (after.rss - before.rss) / 1024 / scale.idle,
    used: (after.used - before.used) / 1024 / scale.idle,
    ...connecting,
  };
}

async function pass(bench: Bench): Promise<Figures> {
  const { idle } = bench.scale;
  const { cpu } = await serverCpu(bench, () => open(bench, idle));
  await close(bench);
  return { connectCpu: cpu / idle };
}
