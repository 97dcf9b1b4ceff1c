// A process that has a log open and does what its parent asks. Node runs it as it is, on the package as it is built.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BroadcastChannel } from 'node:worker_threads';
import type { Worker } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import { SqliteLog } from 'nestjs-sse-hub/sqlite';
import type { SqliteLogOptions } from 'nestjs-sse-hub/sqlite';
import type { Calls } from './process-calls.ts';
import { recordOf } from './records.ts';

// The tests make it fail.
Logger.overrideLogger(false);

/** The threads of the log, oldest first. */
const threads: Worker[] = [];
process.on('worker', (worker) => threads.push(worker));

// For the threads alone.
process.env['NODE_OPTIONS'] =
  `--import ${new URL('crash-thread.ts', import.meta.url)}`;
const crashes = new BroadcastChannel('crash');

/** Opened so that none is left. */
const files: number[] = [];
let usingUp: NodeJS.Timeout | undefined;

const log = new SqliteLog(JSON.parse(process.argv[2]!) as SqliteLogOptions);

const calls: Calls = {
  open: () => log.open(),
  append: async (numbers) =>
    (await log.append(numbers.map((n) => recordOf(n)))).map((e) => e.cursor),
  appendBytes: async (bytes) =>
    (await log.append([recordOf('x'.repeat(bytes))])).map((e) => e.cursor),
  bounds: () => log.bounds(),
  read: ([after, limit]) => log.read(after, limit),
  health: () => log.health(),
  close: () => log.close(),
  crashWriter: async (crash) => {
    crashes.postMessage(crash);
    await new Promise((resolve) => threads.at(-1)!.once('exit', resolve));
    await nextTurn();
    return log.health();
  },
  writersStarted: () => threads.length,
  publishAtFullSpeed: (job) => void publishAtFullSpeed(job),
  remove: (path) => rmSync(path),
  useUpFiles: () => {
    useUpFiles();
    // A thread that ends gives some back.
    usingUp = setInterval(useUpFiles, 1);
  },
  freeFiles: () => {
    clearInterval(usingUp);
    files.splice(0).forEach((file) => closeSync(file));
  },
  run: ([command, ...rest]) => void execFileSync(command!, rest),
};

process.on('message', ({ id, name, argument }: any) => {
  const call = calls[name as keyof Calls] as (argument: unknown) => unknown;
  // Also what throws at once is an answer.
  Promise.resolve()
    .then(() => call(argument))
    .then(
      (result) => process.send!({ id, result }),
      ({ name: type, message }: Error) =>
        process.send!({ id, error: { type, message } }),
    );
});
// It never outlives its parent.
process.on('disconnect', () => process.exit());
process.send!({ ready: true });

function useUpFiles(): void {
  try {
    for (;;) {
      files.push(openSync('/dev/null', 'r'));
    }
  } catch {
    // Now there is room for none.
  }
}

/** Appends batches of numbers, first those that a process before this one had begun with. */
async function publishAtFullSpeed({
  again,
  from,
}: Parameters<Calls['publishAtFullSpeed']>[0]): Promise<void> {
  let next = from;
  const publish = async (numbers: readonly number[]): Promise<void> => {
    process.send!({ begun: numbers });
    const entries = await log.append(
      numbers.map((n) => recordOf(n, { idempotencyKey: `number ${n}` })),
    );
    const cursors = entries.map(({ cursor }) => cursor);
    process.send!({ done: numbers, cursors });
  };
  await Promise.all(again.map(publish));
  await Promise.all(
    Array.from({ length: 8 }, async (_, loop) => {
      for (;;) {
        const size = 1 + ((next + loop) % 4);
        const numbers = Array.from({ length: size }, (_unused, i) => next + i);
        next += size;
        await publish(numbers);
      }
    }),
  );
}
