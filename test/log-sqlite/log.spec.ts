import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import type { LogEntry, LogRecord, TailBatch } from 'nestjs-sse-hub';
import { SqliteLog } from 'nestjs-sse-hub/sqlite';
import type { SqliteLogOptions } from 'nestjs-sse-hub/sqlite';
import { eventually, settled } from '../support/eventually.js';
import { newFile, removeFolders } from './support/folders.js';
import { dataOf, recordOf } from './support/records.js';
import { describeSqlite } from './support/sqlite-tests.js';
import { TailReader } from './support/tail-reader.js';

const KB_100 = 'x'.repeat(100_000);

const logs: SqliteLog[] = [];

async function open(options: Partial<SqliteLogOptions> = {}) {
  const log = new SqliteLog({ file: newFile(), ...options });
  logs.push(log);
  const { head } = await log.open();
  return { log, head };
}

const tailOf = (log: SqliteLog, after: string) =>
  log.tail(after)[Symbol.asyncIterator]();

async function pull(tail: AsyncIterator<TailBatch>): Promise<LogRecord[]> {
  const { value } = await tail.next();
  return [...(value as { records: LogRecord[] }).records];
}

/** A tail that has read everything and is told what is committed next. */
async function liveTail(log: SqliteLog, head: string) {
  const tail = tailOf(log, head);
  // The floor, when it has found nothing.
  expect(await pull(tail)).toEqual([]);
  return tail;
}

/** Resolves when appends have come to wait for a tail: with a mebibyte, and the commit that passes it. */
async function held(appends: readonly Promise<unknown>[]): Promise<void> {
  let done = 0;
  for (const append of appends) {
    append.finally(() => done++).catch(() => undefined);
  }
  await eventually(() => done >= 11);
  // Long enough for several commits.
  expect(await settled(() => done, 20_000)).toBeLessThan(15);
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

describeSqlite('SqliteLog', () => {
  afterEach(async () => {
    jest.useRealTimers();
    await Promise.all(logs.splice(0).map((log) => log.close()));
    removeFolders();
  });

  it('commits appends that wait together at once', async () => {
    const { log, head } = await open();
    const tail = await liveTail(log, head);
    const next = pull(tail);
    await Promise.all(numbers(1, 500).map((n) => log.append([recordOf(n)])));

    expect(dataOf(await next)).toEqual(numbers(1, 500));
  });

  it('commits no more at once than is quickly done', async () => {
    const { log, head } = await open();
    const tail = await liveTail(log, head);
    const next = pull(tail);
    await Promise.all(numbers(1, 5).map(() => log.append([recordOf(KB_100)])));

    expect(await next).toHaveLength(2);
  });

  it('lets others run while appends are awaited in a loop', async () => {
    const { log } = await open();
    let turns = 0;
    let done = false;
    const tick = (): void => {
      turns++;
      if (!done) {
        setImmediate(tick);
      }
    };
    setImmediate(tick);
    for (const n of numbers(1, 20)) {
      await log.append([recordOf(n)]);
    }
    done = true;

    expect(turns).toBeGreaterThanOrEqual(20);
  });

  it('lets appends wait for a tail that does not keep up, until it is pulled', async () => {
    const { log, head } = await open();
    const tail = await liveTail(log, head);
    const appends = numbers(1, 40).map(() => log.append([recordOf(KB_100)]));
    await held(appends);

    for (let pulled = 0; pulled < 40;) {
      pulled += (await pull(tail)).length;
    }
    await Promise.all(appends);
  });

  it('goes on when a tail that was behind is given up', async () => {
    const { log, head } = await open();
    const tail = await liveTail(log, head);
    const appends = numbers(1, 20).map(() => log.append([recordOf(KB_100)]));
    await held(appends);

    await tail.return!();
    await Promise.all(appends);
  });

  it('keeps nothing for a tail that is not pulled for a minute: it reads on from the file', async () => {
    const { log, head } = await open();
    const tail = await liveTail(log, head);
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'Date'] });
    const appends = numbers(1, 40).map((n) =>
      log.append([recordOf({ n, KB_100 })]),
    );
    await held(appends);
    jest.advanceTimersByTime(59_999);
    await held(appends);
    jest.advanceTimersByTime(1);
    await Promise.all(appends);

    const told: LogRecord[] = [];
    while (told.length < 40) {
      told.push(...(await pull(tail)));
    }
    expect(dataOf(told).map((data) => (data as { n: number }).n)).toEqual(
      numbers(1, 40),
    );
    const next = pull(tail);
    await log.append([recordOf('live again')]);
    expect(dataOf(await next)).toEqual(['live again']);
  });

  it('holds up no append for a tail that begins behind, which reads pages', async () => {
    const { log, head } = await open();
    const tail = tailOf(log, head);
    for (const n of numbers(1, 40)) {
      await log.append([recordOf({ n, KB_100 })]);
    }

    const sizes: number[] = [];
    const told: unknown[] = [];
    while (told.length < 40) {
      const records = await pull(tail);
      sizes.push(records.length);
      told.push(...dataOf(records).map((data) => (data as { n: number }).n));
    }
    expect(told).toEqual(numbers(1, 40));
    // A quarter of a mebibyte at a time.
    expect(Math.max(...sizes)).toBe(2);
  });

  it('gives all of many tails everything once and in order, wherever they begin', async () => {
    const { log, head } = await open();
    const cursors = [head];
    const readers: TailReader[] = [];
    const begin = () =>
      readers.push(
        new TailReader(
          log.tail(cursors[(readers.length * 7) % cursors.length]!),
        ),
      );
    const entries: LogEntry[] = [];
    for (let round = 0; round < 40; round++) {
      begin();
      const appended = numbers(1, 25).map((n) => log.append([recordOf(n)]));
      begin();
      for (const [entry] of await Promise.all(appended)) {
        entries.push(entry!);
        cursors.push(entry!.cursor);
      }
    }
    const last = cursors.at(-1)!;
    await Promise.all(
      readers.map((reader) =>
        reader.until((read) => read.entries.at(-1)?.cursor === last),
      ),
    );

    for (const reader of readers) {
      expect(reader.gaps).toEqual([]);
      const first = entries.findIndex(
        ({ cursor }) => cursor === reader.entries[0]!.cursor,
      );
      expect(reader.entries).toEqual(entries.slice(first));
    }
  });

  it('refuses a record that it cannot keep, and no other that waits with it', async () => {
    const { log } = await open();
    const bad = { ...recordOf(1), data: undefined as never };
    const results = await Promise.allSettled([
      log.append([recordOf(1)]),
      log.append([bad]),
      log.append([recordOf(2)]),
    ]);

    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(results[1]).toMatchObject({ reason: expect.any(TypeError) });
    expect(log.health()).toEqual({ status: 'up' });
  });

  it('reads one page a turn, so that many who read do not keep others waiting', async () => {
    const { log, head } = await open();
    await log.append(numbers(1, 100).map((n) => recordOf(n)));
    let done = 0;
    const pages = numbers(1, 10).map(() =>
      log.read(head, { events: 50, bytes: 9_999 }).then(() => done++),
    );
    await nextTurn();
    await nextTurn();
    expect(done).toBeLessThan(4);
    await Promise.all(pages);
  });

  it('holds on to nothing of the file between its reads: what is committed gets its place in it', async () => {
    const file = newFile();
    const { log, head } = await open({ file });
    await log.append(numbers(1, 50).map((n) => recordOf(n)));
    await log.read(head, { events: 10, bytes: 100_000 });
    await log.read(head, { events: 50, bytes: 10 });
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    const other = new DatabaseSync(file);
    const checkpoint = other.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    other.close();

    expect(checkpoint).toEqual({ busy: 0, log: 0, checkpointed: 0 });
  });

  it('rejects what is asked before it is open, and a tail waits', async () => {
    const log = new SqliteLog({ file: newFile() });
    logs.push(log);
    const reader = new TailReader(log.tail(''));
    expect(log.health()).toMatchObject({ status: 'down' });
    await expect(log.append([recordOf(1)])).rejects.toThrow('is not open');
    await expect(log.bounds()).rejects.toThrow('is not open');

    await log.open();
    await log.append([recordOf(1)]);
    await reader.until(({ entries }) => entries.length === 1);
    await log.open();
    await eventually(() => log.health().status === 'up');
  });
});
