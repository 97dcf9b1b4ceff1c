import { statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import type { LogEntry } from 'nestjs-sse-hub';
import { newFile } from './support/folders.js';
import {
  appendEach,
  closeLogs,
  makeLog,
  retained,
  withLog,
} from './support/open-logs.js';
import { dataOf, recordOf } from './support/records.js';
import { describeSqlite } from './support/sqlite-tests.js';
import { TailReader } from './support/tail-reader.js';

const DAY = 86_400_000;

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** The position after another one. */
function next(cursor: string, epoch: string): string {
  const position = parseInt(cursor.slice(epoch.length + 1), 36) + 1;
  const digits = cursor.length - epoch.length - 1;
  return `${epoch}-${position.toString(36).padStart(digits, '0')}`;
}

describeSqlite('The retention of a SqliteLog', () => {
  afterEach(async () => {
    jest.useRealTimers();
    await closeLogs();
  });

  it('uses the space of what is gone again', async () => {
    const file = newFile();
    const log = makeLog({ file, maxBytes: 500_000 });
    await log.open();
    const size = () => statSync(file).size + statSync(`${file}-wal`).size;
    const fill = async () => {
      for (let i = 0; i < 200; i++) {
        await log.append(
          numbers(1, 10).map((n) => recordOf('x'.repeat(n * 200))),
        );
      }
    };
    await fill();
    const first = size();
    await fill();
    await fill();

    expect(size()).toBeLessThan(first * 1.2);
    // Two megabytes have gone through it each time.
    expect(statSync(file).size).toBeLessThan(1_000_000);
  });

  it('drops what has become too old during a downtime before anybody reads', async () => {
    const file = newFile();
    const old = numbers(1, 2_500).map((n) =>
      recordOf(n, { time: Date.now() - DAY + 60_000 }),
    );
    const cursors = await withLog({ file }, async (log) => {
      const entries = await log.append(old);
      await appendEach(log, ['new']);
      return entries.map(({ cursor }) => cursor);
    });
    await withLog({ file, maxAge: DAY - 120_000 }, async (log) => {
      expect(dataOf(await retained(log))).toEqual(['new']);
      expect((await log.bounds()).floor).toBe(cursors.at(-1));
    });
  });

  it('drops what is too much when less may be kept than before', async () => {
    const file = newFile();
    await withLog({ file }, (log) =>
      log.append(numbers(1, 3_500).map((n) => recordOf(n))),
    );
    await withLog({ file, maxEvents: 10 }, async (log) => {
      expect(dataOf(await retained(log))).toEqual(numbers(3_491, 3_500));
    });
    await withLog({ file, maxBytes: 20 }, async (log) => {
      expect(dataOf(await retained(log))).toEqual(numbers(3_496, 3_500));
    });
  });

  it('lets appends through while it drops much', async () => {
    const file = newFile();
    await withLog({ file }, (log) =>
      log.append(numbers(1, 20_000).map((n) => recordOf(n))),
    );
    const log = makeLog({ file, maxEvents: 10 });
    const opened = log.open();
    let entry: LogEntry | undefined;
    while (entry === undefined) {
      await nextTurn();
      // Until the file is open, and before everything is dropped.
      [entry] = await log.append([recordOf('between')]).catch(() => []);
    }
    const { floor } = await log.bounds();
    const early = await log.read(floor, { events: 1, bytes: 1 });
    await opened;

    expect(JSON.parse(early.entries[0]!.data)).toBeLessThan(19_990);
    expect(dataOf(await retained(log))).toEqual([
      ...numbers(19_992, 20_000),
      'between',
    ]);
  });

  it('frees a key with its entry, also when no timer has fired', async () => {
    const log = makeLog({ file: newFile(), maxAge: 1_000 });
    await log.open();
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const keyed = (data: unknown) => recordOf(data, { idempotencyKey: 'k' });
    await log.append([keyed('first')]);
    const [same] = await log.append([keyed('second')]);
    jest.setSystemTime(Date.now() + 1_000);
    const [other] = await log.append([keyed('third')]);

    expect(dataOf([same!, other!])).toEqual(['first', 'third']);
  });

  it('keeps nothing longer because the clock was ahead', async () => {
    const log = makeLog({ file: newFile(), maxAge: 1_000 });
    await log.open();
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const now = Date.now();
    await appendEach(log, ['before']);
    jest.setSystemTime(now + 500);
    await log.append([recordOf('ahead', { time: now + DAY })]);
    jest.setSystemTime(now);
    await appendEach(log, ['behind']);
    jest.setSystemTime(now + 999);
    await appendEach(log, ['later']);
    expect(dataOf(await retained(log))).toHaveLength(4);
    jest.setSystemTime(now + 1_000);
    await appendEach(log, ['new']);

    expect(dataOf(await retained(log))).toEqual(['later', 'new']);
  });

  it('drops what a clock that was ahead has left in the file, also when nothing is appended', async () => {
    const file = newFile();
    const time = Date.now() + DAY;
    await withLog({ file }, async (log) => {
      await log.append([recordOf('ahead', { time })]);
      await appendEach(log, ['behind']);
    });
    const log = makeLog({ file, maxAge: 200 });
    const { head } = await log.open();
    for await (const batch of log.tail(head)) {
      if (!('gap' in batch) && batch.floor === head) {
        break;
      }
    }

    expect(await retained(log)).toEqual([]);
  });

  it('is told with every page: none begins behind what was dropped and does not say so', async () => {
    const log = makeLog({ file: newFile(), maxEvents: 20 });
    const { epoch, floor } = await log.open();
    let after = floor;
    let pages = 0;
    const publisher = (async () => {
      for (let n = 0; pages < 3_000; n++) {
        await log.append([recordOf(n)]);
      }
    })();
    for (; pages < 3_000; pages++) {
      const page = await log.read(after, { events: 1, bytes: 1 });
      const first = page.entries[0];
      if (first !== undefined && page.floor <= after) {
        expect(first.cursor).toBe(next(after, epoch));
      }
      // Where the next commit drops the next one.
      after = page.floor > after ? page.floor : after;
    }
    await publisher;
  });

  it('goes by the prefix: an old time behind a newer one waits for it', async () => {
    const log = makeLog({ file: newFile(), maxAge: 3_600_000 });
    await log.open();
    const at = (age: number) => recordOf(age, { time: Date.now() - age });
    await log.append([at(7_200_000), at(0), at(7_200_001)]);

    expect(dataOf(await retained(log))).toEqual([0, 7_200_001]);
  });

  it('tells a tail where the floor is, also when nothing is appended', async () => {
    const log = makeLog({ file: newFile(), maxAge: 200 });
    const { head } = await log.open();
    const floors: string[] = [];
    const tail = log.tail(head);
    const [entry] = await appendEach(log, [1]);
    for await (const batch of tail) {
      if (!('gap' in batch) && batch.floor !== undefined) {
        floors.push(batch.floor);
      }
      if (floors.at(-1) === entry!.cursor) {
        break;
      }
    }

    expect(floors).toEqual([...new Set(floors)].sort());
    expect(await retained(log)).toEqual([]);
  });

  it('overtakes a tail that reads pages too slowly, which is told so', async () => {
    const log = makeLog({ file: newFile(), maxEvents: 100 });
    const { head } = await log.open();
    const tail = log.tail(head)[Symbol.asyncIterator]();
    const entries = await log.append(numbers(1, 600).map((n) => recordOf(n)));
    const { epoch, floor } = await log.bounds();

    expect((await tail.next()).value).toEqual({
      gap: { epoch, floor, position: floor },
    });
    const reader = new TailReader({ [Symbol.asyncIterator]: () => tail });
    await reader.until((read) => read.entries.length === 100);
    expect(reader.entries).toEqual(entries.slice(500));
  });
});
