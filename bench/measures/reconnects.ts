import { FIRST_NUMBER } from '../load/number-scanner.js';
import type { Replay } from '../load/protocol.js';
import { movieNumbered } from '../servers/movie.js';
import { serverCpu, type Bench, type Figures } from './measure.js';
import { close, open } from './opening.js';
import { meanOfPasses } from './passes.js';
import { request } from './request.js';

/** More than a node's window holds. */
const PUBLISHED = 3_000;

/** Passes of both kinds, as in the connections measure: what compiling the code costs is paid before. */
const WARM_UP = 2;
const MEASURED = 3;

type Pass = {
  /** CPU of the server for each client, in microseconds. */
  cpu: number;
  /** Until all clients had everything, in milliseconds. */
  wall: number;
  /** Calls of the log that read, its tail aside, for each client. */
  reads: number;
  /** Commands that read, its tail's aside, that the engine got for each client, if it can tell. */
  engineReads?: number;
};

/**
 * Clients that were away come back all at once: to a node that has just been started, where the
 * history outlives it, and to one that has run for a while. Beside it the same clients with
 * nothing to catch up on.
 */
export async function measureReconnects(bench: Bench): Promise<Figures> {
  const readyEmpty = bench.server.startedIn;
  const missed = await publishMovies(bench);
  const restarted = bench.engine?.durable
    ? await measureRestart(bench, missed)
    : {};
  await passes(bench, missed, WARM_UP);
  const { plain, returning } = await passes(bench, missed, MEASURED);
  return {
    ...restarted,
    'reconnects.plain': plain.cpu,
    'reconnects.cpu': returning.cpu,
    'reconnects.reads': returning.reads,
    'reconnects.readyEmpty': readyEmpty,
  };
}

/** Clients that are new, then clients that come back: what one pass leaves to be collected, the next one pays. */
async function passes(bench: Bench, missed: Replay, count: number) {
  const plain = await meanOfPasses(count, () => pass(bench));
  const returning = await meanOfPasses(count, () => pass(bench, missed));
  return { plain, returning };
}

async function measureRestart(bench: Bench, missed: Replay): Promise<Figures> {
  await bench.restart();
  const plain = await pass(bench);
  await bench.restart();
  const ready = bench.server.startedIn;
  const returning = await pass(bench, missed);
  return {
    'reconnects.ready': ready,
    'reconnects.coldPlain': plain.cpu,
    'reconnects.coldCpu': returning.cpu,
    'reconnects.coldReads': returning.reads,
    'reconnects.coldWall': returning.wall,
    ...(returning.engineReads !== undefined && {
      'reconnects.coldEngineReads': returning.engineReads,
    }),
  };
}

/** Opens the connections, with what each has missed if it has, and closes them again. */
async function pass(bench: Bench, replay?: Replay): Promise<Pass> {
  const { returning } = bench.scale;
  const before = await takeReads(bench);
  const start = performance.now();
  const { cpu } = await serverCpu(bench, () => open(bench, returning, replay));
  const wall = performance.now() - start;
  const after = await takeReads(bench);
  await close(bench);
  const reads = after.log - before.log;
  if (reads > 0) {
    bench.problems.push(
      `reconnects: the log was read ${reads} times, though the window has it all`,
    );
  }
  return {
    cpu: cpu / returning,
    wall,
    reads: reads / returning,
    ...(after.engine !== undefined && {
      engineReads: after.engine / returning,
    }),
  };
}

/** Of the log since the server has started, of the engine since the last call. */
async function takeReads({ server, engine }: Bench) {
  return {
    log: await request<number>(server.ready.port, 'GET', '/reads'),
    engine: await engine?.takeReads?.(),
  };
}

/** Publishes more than the window holds. */
async function publishMovies({ server, scale }: Bench): Promise<Replay> {
  const { missed } = scale;
  const query = `count=${PUBLISHED}&cursors=${missed + 1}`;
  const [lastEventId] = await request<string[]>(
    server.ready.port,
    'POST',
    `/publish?${query}`,
    movieNumbered(FIRST_NUMBER),
  );
  return {
    lastEventId,
    first: FIRST_NUMBER + PUBLISHED - missed,
    events: missed,
  };
}
