import { engines, type Engine } from '../engines/engine.js';
import type { Options, Scale } from '../options.js';
import { RemoteProcess } from '../processes/remote-process.js';
import {
  startServer,
  type ServerEntry,
  type ServerProcess,
} from '../servers/catalogue.js';
import type { Delivered } from '../load/protocol.js';

/** What one server did in one measure of one round, by the name of the figure. */
export type Figures = Record<string, number>;

/** One server under load: both processes, and what went wrong. */
export interface Bench {
  server: ServerProcess;
  client: RemoteProcess;
  /** What the server's log is kept in, if that is compared. */
  engine: Engine | undefined;
  /** Ends the server and puts a new one in its place. */
  restart(): Promise<void>;
  /** Another server of the same kind, over the same engine; who starts it stops it. */
  another(): Promise<ServerProcess>;
  /** Resolves when each of the servers it is compared with has had its turn. */
  othersTurn(): Promise<void>;
  scale: Scale;
  /** Each makes the run fail. */
  problems: string[];
}

/** Runs a measure against a fresh server and a fresh load client; both are gone when it returns. */
export async function runMeasure(
  entry: ServerEntry,
  { scale, profiles }: Options,
  othersTurn: () => Promise<void>,
  measure: (bench: Bench) => Promise<Figures>,
): Promise<{ figures: Figures; problems: string[] }> {
  const engine = entry.engine && (await engines[entry.engine].start());
  const start = () => startServer(entry, engine?.address, profiles);
  try {
    const [server, client] = await startBoth(start);
    const bench: Bench = {
      server,
      client,
      engine,
      scale,
      problems: [],
      restart: async () => {
        await bench.server.stop();
        bench.server = await start();
      },
      another: start,
      othersTurn,
    };
    try {
      return { figures: await measure(bench), problems: bench.problems };
    } finally {
      await Promise.all([client.stop(), bench.server.stop()]);
    }
  } finally {
    await engine?.stop();
  }
}

/** Notes what is missing from a delivery. */
export function checkDelivered(
  bench: Bench,
  what: string,
  delivered: Delivered,
): void {
  const { missing, misplaced, closed } = delivered;
  if (missing > 0 || misplaced > 0 || closed > 0) {
    bench.problems.push(
      `${what}: ${missing} missing, ${misplaced} doubled or out of order, ${closed} streams closed`,
    );
  }
}

/** CPU that the server uses for something, in microseconds. */
export async function serverCpu<Result>(
  { server }: Bench,
  action: () => Promise<Result>,
): Promise<{ cpu: number; result: Result }> {
  const before = await server.call<number>('cpu');
  const result = await action();
  const after = await server.call<number>('cpu');
  return { cpu: after - before, result };
}

async function startBoth(
  start: () => Promise<ServerProcess>,
): Promise<[ServerProcess, RemoteProcess]> {
  const client = RemoteProcess.start(
    new URL('../load/client.js', import.meta.url),
  );
  try {
    return [await start(), await client];
  } catch (error) {
    await (await client).stop();
    throw error;
  }
}
