import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { InvalidOptionException } from '../../options/check-options.js';
import { epochOf, isCursor } from '../cursor.js';
import type {
  LogBounds,
  LogEntry,
  LogRecord,
  TailBatch,
} from '../event-log.js';
import { LogUnavailableException } from '../log.exceptions.js';
import { MemoryLog } from './memory-log.js';

const EVERYTHING = { events: Infinity, bytes: Infinity };

const recordOf = (data: unknown, more: Partial<LogRecord> = {}): LogRecord => ({
  topic: 'movies',
  type: 'message',
  data: JSON.stringify(data),
  time: Date.now(),
  ...more,
});

const logs: MemoryLog[] = [];

function open(...args: ConstructorParameters<typeof MemoryLog>): MemoryLog {
  const log = new MemoryLog(...args);
  logs.push(log);
  return log;
}

async function append(log: MemoryLog, ...data: unknown[]) {
  return log.append(data.map((item) => recordOf(item)));
}

const tailOf = (log: MemoryLog, after: string) =>
  log.tail(after)[Symbol.asyncIterator]();

const dataOf = (entries: readonly LogRecord[]): unknown[] =>
  entries.map(({ data }) => JSON.parse(data) as unknown);

async function retained(log: MemoryLog): Promise<unknown[]> {
  const { floor } = await log.bounds();
  return dataOf((await log.read(floor, EVERYTHING)).entries);
}

async function pull(tail: AsyncIterator<TailBatch>): Promise<unknown[]> {
  const { value } = await tail.next();
  return dataOf((value as { records: LogRecord[] }).records);
}

/** A few turns of the event loop, in which whatever can happen happens. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await nextTurn();
  }
}

/** What became of a promise so far. */
function watch(promise: Promise<unknown>): { state: string } {
  const watched = { state: 'pending' };
  promise.then(
    () => (watched.state = 'resolved'),
    () => (watched.state = 'rejected'),
  );
  return watched;
}

afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(logs.splice(0).map((log) => log.close()));
});

describe('MemoryLog orders', () => {
  it('entries as they were appended, the same for append, read and tail', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(4), fc.boolean()), { maxLength: 12 }),
        async (batches) => {
          const log = open();
          const { head } = await log.open();
          const tail = tailOf(log, head);
          let count = 0;
          const appends: Promise<readonly LogEntry[]>[] = [];
          for (const [size, waits] of batches) {
            const data = Array.from({ length: size }, () => ++count);
            appends.push(append(log, ...data));
            if (waits) {
              await nextTurn();
            }
          }
          const entries = (await Promise.all(appends)).flat();
          const cursors = entries.map(({ cursor }) => cursor);

          const expected = Array.from({ length: count }, (_, i) => i + 1);
          expect(dataOf(entries)).toEqual(expected);
          expect(cursors).toEqual([...new Set(cursors)].sort());
          expect(await retained(log)).toEqual(expected);
          const tailed: unknown[] = [];
          while (tailed.length < count) {
            tailed.push(...(await pull(tail)));
          }
          expect(tailed).toEqual(expected);
          await log.close();
        },
      ),
      { numRuns: 30 },
    );
  });

  it('with cursors that isCursor takes, in one epoch', async () => {
    const log = open();
    const { epoch, floor } = await log.open();
    const entries = await append(log, 1, 2);

    for (const cursor of [floor, ...entries.map((entry) => entry.cursor)]) {
      expect(isCursor(cursor)).toBe(true);
      expect(epochOf(cursor)).toBe(epoch);
      expect(cursor).toHaveLength(floor.length);
    }
  });

  it('in an epoch of its own, so that nobody continues in another one', async () => {
    let time = Date.now();
    const now = jest.spyOn(Date, 'now').mockImplementation(() => time);
    const epochs = await Promise.all(
      Array.from({ length: 50 }, async () => {
        time++;
        return (await open().open()).epoch;
      }),
    );
    now.mockRestore();

    expect(new Set(epochs).size).toBe(50);
  });

  it('nothing that it was given later by reference', async () => {
    const log = open();
    const record = { ...recordOf(1) };
    const [entry] = await log.append([record]);
    record.data = '2';

    expect(entry!.data).toBe('1');
    expect(await retained(log)).toEqual([1]);
  });
});

describe('MemoryLog commits', () => {
  it('the appends of one turn as one batch', async () => {
    const log = open();
    const tail = tailOf(log, (await log.open()).head);
    await Promise.all([append(log, 1), append(log, 2, 3), append(log, 4)]);

    expect(await pull(tail)).toEqual([1, 2, 3, 4]);
  });

  it('a large queue over several turns', async () => {
    const log = open();
    const large = 'x'.repeat(200 * 1024);
    const appends = [1, 2, 3, 4].map(() => watch(append(log, large)));
    await nextTurn();
    await Promise.resolve();
    const early = appends.filter(({ state }) => state === 'resolved').length;
    await turns();

    expect(early).toBeLessThan(4);
    expect(appends.every(({ state }) => state === 'resolved')).toBe(true);
  });

  it('once a turn, so that a loop that awaits appends lets others run', async () => {
    const log = open();
    let turnsOfOthers = 0;
    let done = false;
    const tick = (): void => {
      turnsOfOthers++;
      if (!done) {
        setImmediate(tick);
      }
    };
    setImmediate(tick);
    for (let n = 0; n < 20; n++) {
      await append(log, n);
    }
    done = true;

    expect(turnsOfOthers).toBeGreaterThanOrEqual(19);
  });

  it('no more than a tail takes: appends wait for it', async () => {
    const log = open();
    const tail = tailOf(log, (await log.open()).head);
    await append(log, 'x'.repeat(1024 * 1024));
    const waiting = watch(append(log, 'waits'));
    await turns();
    expect(waiting.state).toBe('pending');

    await tail.next();
    await turns();

    expect(waiting.state).toBe('resolved');
    expect(await pull(tail)).toEqual(['waits']);
  });

  it('on when a tail that was behind is given up', async () => {
    const log = open();
    const tail = tailOf(log, (await log.open()).head);
    await append(log, 'x'.repeat(1024 * 1024));
    const waiting = watch(append(log, 'waits'));
    await turns();
    expect(waiting.state).toBe('pending');

    await tail.return!();
    await turns();

    expect(waiting.state).toBe('resolved');
  });
});

describe('MemoryLog stores an idempotency key', () => {
  const keyed = (data: unknown, idempotencyKey: string): LogRecord =>
    recordOf(data, { idempotencyKey });

  it('once: a second append gets the first entry', async () => {
    const log = open();
    const tail = tailOf(log, (await log.open()).head);
    const [first] = await log.append([keyed(1, 'k')]);
    const [second] = await log.append([keyed(2, 'k')]);
    await append(log, 3);

    expect(second).toEqual(first);
    expect(await retained(log)).toEqual([1, 3]);
    const tailed: unknown[] = [];
    while (tailed.at(-1) !== 3) {
      tailed.push(...(await pull(tail)));
    }
    expect(tailed).toEqual([1, 3]);
  });

  it('once in one batch, too, and in one turn', async () => {
    const log = open();
    const [batch, other] = await Promise.all([
      log.append([keyed(1, 'k'), keyed(2, 'k'), keyed(3, 'l')]),
      log.append([keyed(4, 'k')]),
    ]);

    expect(dataOf(batch)).toEqual([1, 1, 3]);
    expect(dataOf(other)).toEqual([1]);
    expect(await retained(log)).toEqual([1, 3]);
  });

  it('as long as the entry is retained, and no longer', async () => {
    const log = open({ maxEvents: 2 });
    const [first] = await log.append([keyed(1, 'k')]);
    await append(log, 2);
    expect(await log.append([keyed(3, 'k')])).toEqual([first]);

    await append(log, 4);
    const [again] = await log.append([keyed(5, 'k')]);

    expect(again!.cursor > first!.cursor).toBe(true);
    expect(await log.append([keyed(6, 'k')])).toEqual([again]);
    expect(await retained(log)).toEqual([4, 5]);
  });

  it('until the entry has expired', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const log = open({ maxAge: 1_000 });
    await log.append([keyed(1, 'k')]);
    jest.advanceTimersByTime(1_000);
    await log.append([keyed(2, 'k')]);

    expect(await retained(log)).toEqual([2]);
  });
});

describe('MemoryLog keeps', () => {
  it('as many events as it may', async () => {
    const log = open({ maxEvents: 3 });
    const entries = await append(log, 1, 2, 3, 4, 5);

    expect(await retained(log)).toEqual([3, 4, 5]);
    expect(await log.bounds()).toMatchObject({
      floor: entries[1]!.cursor,
      head: entries[4]!.cursor,
    });
  });

  it('as many bytes of data as it may', async () => {
    const log = open({ maxBytes: 20 });
    await append(log, 'x'.repeat(8), 'y'.repeat(8), 'z'.repeat(8));

    expect(await retained(log)).toEqual(['y'.repeat(8), 'z'.repeat(8)]);
  });

  it('bytes and not characters', async () => {
    const log = open({ maxBytes: 20 });
    await append(log, '€'.repeat(4), '€'.repeat(5));

    expect(await retained(log)).toEqual(['€'.repeat(5)]);
  });

  it('an event until it is as old as it may be, while nothing is asked', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const log = open({ maxAge: 1_000 });
    const tail = tailOf(log, (await log.open()).head);
    const [first] = await append(log, 1);
    await pull(tail);
    jest.advanceTimersByTime(600);
    const [second] = await append(log, 2);
    await pull(tail);
    const next = watch(tail.next());

    jest.advanceTimersByTime(399);
    await turns();
    expect(next.state).toBe('pending');
    jest.advanceTimersByTime(1);
    await turns();
    expect(next.state).toBe('resolved');
    expect(await log.bounds()).toMatchObject({ floor: first!.cursor });
    expect(await retained(log)).toEqual([2]);

    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(600);
    expect(await log.bounds()).toMatchObject({
      floor: second!.cursor,
      head: second!.cursor,
    });
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['the clock was ahead', 3_600_000, 0],
    ['its publisher said a later time', 0, 3_600_000],
  ])('nothing longer because %s', async (_, clock, publisher) => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const log = open({ maxAge: 1_000 });
    const now = Date.now();
    jest.setSystemTime(now + clock);
    await log.append([recordOf(1, { time: Date.now() + publisher })]);
    jest.setSystemTime(now);
    await append(log, 2);
    expect(await retained(log)).toEqual([1, 2]);
    jest.advanceTimersByTime(1_000);

    expect(await retained(log)).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('nothing too old in what it gives, also when no timer has fired', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const log = open({ maxAge: 1_000 });
    const { floor } = await log.open();
    const [entry] = await append(log, 1);
    jest.setSystemTime(Date.now() + 1_000);

    expect(await log.read(floor, EVERYTHING)).toEqual({
      entries: [],
      floor: entry!.cursor,
    });
  });

  it('an event for longer than a timer can wait', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const log = open({ maxAge: 2 ** 33 });
    await append(log, 1);
    jest.advanceTimersByTime(2 ** 33 - 1);
    expect(await retained(log)).toEqual([1]);
    jest.advanceTimersByTime(1);
    expect(await retained(log)).toEqual([]);
  });

  it('its positions to itself: none is used twice, the floor never moves down', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const log = open({ maxAge: 1_000, maxEvents: 2 });
    let last: LogBounds = await log.open();
    const cursors: string[] = [];
    for (let round = 0; round < 5; round++) {
      const entries = await append(log, ...Array<number>(round).fill(round));
      cursors.push(...entries.map(({ cursor }) => cursor));
      const grown = await log.bounds();
      jest.advanceTimersByTime(1_000);
      const emptied = await log.bounds();
      expect(grown.floor >= last.floor).toBe(true);
      expect(emptied.floor).toBe(grown.head);
      expect(emptied.head).toBe(grown.head);
      last = emptied;
    }

    expect(cursors).toEqual([...new Set(cursors)].sort());
  });
});

describe('MemoryLog reads', () => {
  it('pages after a cursor, with the floor of the moment', async () => {
    const log = open({ maxEvents: 4 });
    const entries = await append(log, 1, 2, 3, 4, 5);
    const { floor, entries: page } = await log.read(entries[1]!.cursor, {
      events: 2,
      bytes: 100,
    });

    expect(dataOf(page)).toEqual([3, 4]);
    expect(floor).toBe(entries[0]!.cursor);
    expect((await log.read(entries[4]!.cursor, EVERYTHING)).entries).toEqual(
      [],
    );
  });

  it('at least one entry, however small the page', async () => {
    const log = open();
    const { floor } = await log.open();
    await append(log, 'x'.repeat(100), 2);

    expect(
      (await log.read(floor, { events: 5, bytes: 10 })).entries,
    ).toHaveLength(1);
  });
});

describe('MemoryLog reads back', () => {
  it('the newest entries up to a cursor, oldest first, and tells the floor', async () => {
    const log = open({ maxEvents: 4 });
    const entries = await append(log, 1, 2, 3, 4, 5);
    const { cursor } = entries[3]!;
    const page = await log.readBack(cursor, { events: 2, bytes: 100 });

    expect(page).toEqual({
      entries: entries.slice(2, 4),
      floor: entries[0]!.cursor,
    });
    expect(
      (await log.readBack(cursor, { events: 9, bytes: 9 })).entries,
    ).toEqual(entries.slice(1, 4));
    expect(
      (await log.readBack(cursor, { events: 9, bytes: 0 })).entries,
    ).toEqual([entries[3]]);
  });

  it('nothing where everything up to a cursor is gone', async () => {
    const log = open({ maxEvents: 1 });
    const [first] = await append(log, 1, 2);

    expect(
      (await log.readBack(first!.cursor, { events: 9, bytes: 9 })).entries,
    ).toEqual([]);
  });
});

describe('a tail of a MemoryLog yields', () => {
  it('what came after its cursor, then what comes', async () => {
    const log = open();
    const [first] = await append(log, 1, 2, 3);
    const tail = tailOf(log, first!.cursor);

    expect(await pull(tail)).toEqual([2, 3]);
    await append(log, 4);
    expect(await pull(tail)).toEqual([4]);
  });

  it('a gap where entries after its cursor are gone, then what comes', async () => {
    const log = open({ maxEvents: 2 });
    const { floor } = await log.open();
    await append(log, 1, 2, 3);
    const tail = tailOf(log, floor);

    const bounds = await log.bounds();
    expect((await tail.next()).value).toEqual({
      gap: {
        epoch: bounds.epoch,
        floor: bounds.floor,
        position: bounds.floor,
      },
    });
    expect(await pull(tail)).toEqual([2, 3]);
    await append(log, 4);
    expect(await pull(tail)).toEqual([4]);
  });

  it('no gap at the floor, which has lost nothing', async () => {
    const log = open({ maxEvents: 2 });
    await append(log, 1, 2, 3);
    const tail = tailOf(log, (await log.bounds()).floor);

    expect(await pull(tail)).toEqual([2, 3]);
  });

  it('the floor when it has moved', async () => {
    const log = open({ maxEvents: 1 });
    const tail = tailOf(log, (await log.open()).head);
    await append(log, 1);
    await tail.next();
    await append(log, 2);

    expect((await tail.next()).value).toMatchObject({
      floor: (await log.bounds()).floor,
    });
  });

  it('signals, which have no cursor and are not retained', async () => {
    const log = open();
    const { head } = await log.open();
    await log.signal([recordOf('nobody listens')]);
    const [a, b] = [tailOf(log, head), tailOf(log, head)];
    await log.signal([recordOf('now')]);

    for (const tail of [a, b]) {
      const { value } = await tail.next();
      const { records } = value as { records: LogRecord[] };
      expect(dataOf(records)).toEqual(['now']);
      expect(records[0]).not.toHaveProperty('cursor');
    }
    expect(await retained(log)).toEqual([]);
    expect((await log.bounds()).head).toBe(head);
  });

  it('nothing any more to a reader who left', async () => {
    const log = open();
    const tail = tailOf(log, (await log.open()).head);
    await tail.return!();
    await append(log, 1);

    expect((await tail.next()).done).toBe(true);
  });
});

describe('closing a MemoryLog', () => {
  it('refuses appends that it has not taken, and later ones', async () => {
    const log = open();
    const waiting = append(log, 1);
    await Promise.all([
      expect(waiting).rejects.toThrow(LogUnavailableException),
      log.close(),
    ]);

    await expect(append(log, 2)).rejects.toThrow(LogUnavailableException);
    await expect(log.bounds()).rejects.toThrow(LogUnavailableException);
  });

  it('ends every tail, behind what was committed', async () => {
    const log = open();
    const { head } = await log.open();
    const [behind, waiting] = [tailOf(log, head), tailOf(log, head)];
    await append(log, 1);
    await pull(waiting);
    const next = waiting.next();
    await log.close();

    expect((await next).done).toBe(true);
    expect(await pull(behind)).toEqual([1]);
    expect((await behind.next()).done).toBe(true);
  });

  it('leaves no timer behind, and may be done twice', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const log = open();
    await append(log, 1);
    expect(jest.getTimerCount()).toBe(1);

    await log.close();
    await log.close();

    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('MemoryLog refuses', () => {
  it.each([
    [{ maxEvents: 0 }, '"maxEvents" is 0'],
    [{ maxEvents: 1.5 }, '"maxEvents" is 1.5'],
    [{ maxBytes: -1 }, '"maxBytes" is -1'],
    [{ maxAge: NaN }, '"maxAge" is NaN'],
    [{ maxAge: Infinity }, '"maxAge" is Infinity'],
    [{ maxAge: '1h' }, '"maxAge" is "1h"'],
    [{ maxEvent: 1 }, 'unknown option "maxEvent"'],
  ])('%j', (options, message) => {
    expect(() => new MemoryLog(options as never)).toThrow(
      InvalidOptionException,
    );
    expect(() => new MemoryLog(options as never)).toThrow(message);
  });
});
