import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { cursorAt } from '../log/cursor.js';
import type { LogBounds, LogPage } from '../log/event-log.js';
import { LogUnavailableException } from '../log/log.exceptions.js';
import { MemoryLog } from '../log/memory/memory-log.js';
import { LogReader } from './log-reader.js';

const at = (position: number): string => cursorAt('e', position);

interface Call {
  readonly what: string;
  answer(): void;
  /** The engine is away. */
  fail(): void;
  reject(error: Error): void;
}

/** A log that answers when the test says so. */
class HeldLog extends MemoryLog {
  readonly calls: Call[] = [];

  get asked(): string[] {
    return this.calls.map(({ what }) => what);
  }

  override read(after: string): Promise<LogPage> {
    return this.#hold(`after ${after}`, { entries: [], floor: after });
  }

  override readBack(through: string): Promise<LogPage> {
    return this.#hold(`back ${through}`, { entries: [], floor: through });
  }

  override bounds(): Promise<LogBounds> {
    return this.#hold('bounds', { epoch: 'e', floor: at(0), head: at(9) });
  }

  #hold<Answer>(what: string, answer: Answer): Promise<Answer> {
    return new Promise((resolve, reject) =>
      this.calls.push({
        what,
        answer: () => resolve(answer),
        fail: () => reject(new LogUnavailableException('away')),
        reject,
      }),
    );
  }
}

const readers: LogReader[] = [];
let log: HeldLog;
let reader: LogReader;
let now: number;
let warnings: jest.SpiedFunction<Logger['warn']>;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'Date'] });
  jest.spyOn(Logger.prototype, 'log').mockReturnValue();
  warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
  now = 0;
  log = new HeldLog();
  reader = new LogReader(log, { now: () => now, random: () => 0 });
  readers.push(reader);
});

afterEach(() => {
  readers.splice(0).forEach((each) => each.stop());
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** Lets happen what can happen without time passing. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await nextTurn();
  }
}

async function pass(milliseconds: number): Promise<void> {
  now += milliseconds;
  jest.advanceTimersByTime(milliseconds);
  await turns();
}

describe('A LogReader asks', () => {
  it('once for all who want to know the same', async () => {
    const pages = Array.from({ length: 1_000 }, () => reader.page(at(1), {}));
    const backs = Array.from({ length: 10 }, () =>
      reader.pageBack(at(1), { events: 3, bytes: 3 }, {}),
    );
    const bounds = Array.from({ length: 10 }, () => reader.bounds({}));
    await turns();
    expect(log.asked).toEqual([`after ${at(1)}`, `back ${at(1)}`, 'bounds']);
    expect(reader.waiting).toBe(1_020);
    log.calls.forEach((call) => call.answer());
    await Promise.all([...pages, ...backs, ...bounds]);
    expect(reader.waiting).toBe(0);
  });

  it('for bounds again when somebody has come since they were asked for, but not all the time', async () => {
    const first = reader.bounds({});
    await turns();
    const second = [reader.bounds({}), reader.bounds({})];
    await turns();
    expect(log.asked).toEqual(['bounds']);
    log.calls[0]!.answer();
    await first;
    await pass(49);
    expect(log.asked).toEqual(['bounds']);
    await pass(1);
    expect(log.asked).toEqual(['bounds', 'bounds']);
    log.calls[1]!.answer();
    await Promise.all(second);
  });

  it('no more than 16 questions at a time', async () => {
    const pages = Array.from({ length: 40 }, (_, i) => reader.page(at(i), {}));
    await turns();
    expect(log.calls).toHaveLength(16);
    log.calls[3]!.answer();
    await turns();
    expect(log.calls).toHaveLength(17);
    for (let i = 0; i < 40; i++) {
      log.calls[i]!.answer();
      await turns();
    }
    await Promise.all(pages);
  });

  it('nothing for who has left, but for others who wait for the same', async () => {
    const gone = {};
    void reader.page(at(2), gone);
    reader.leave(gone);
    const there = reader.page(at(3), {});
    void reader.page(at(3), gone);
    reader.leave(gone);
    await turns();
    expect(log.asked).toEqual([`after ${at(3)}`]);
    expect(reader.waiting).toBe(1);
    log.calls.forEach((call) => call.answer());
    await there;
  });

  it('outside the AsyncLocalStorage of who asks first', async () => {
    const requests = new AsyncLocalStorage<string>();
    const stores: unknown[] = [];
    jest.spyOn(log, 'read').mockImplementation((after) => {
      stores.push(requests.getStore());
      return Promise.resolve({ entries: [], floor: after });
    });
    await requests.run('alice', () => reader.page(at(1), {}));
    expect(stores).toEqual([undefined]);
  });

  it('and hands on what the log fails with, to all who asked', async () => {
    const pages = [reader.page(at(1), {}), reader.page(at(1), {})];
    await turns();
    log.calls[0]!.reject(new Error('broken'));
    await Promise.all(
      pages.map((page) => expect(page).rejects.toThrow('broken')),
    );
    const again = reader.page(at(1), {});
    await turns();
    log.calls[1]!.answer();
    expect((await again).floor).toBe(at(1));
  });
});

describe('While the engine is away, a LogReader', () => {
  /** Fails everything that was asked and not answered. */
  const failAll = (): void =>
    log.calls.splice(0).forEach((call) => call.fail());

  it('asks one question after pauses that grow, and the others when that was answered', async () => {
    const pages = Array.from({ length: 40 }, (_, i) => reader.page(at(i), {}));
    await turns();
    failAll();
    await turns();
    for (const pause of [100, 200, 400, 800, 1_600, 2_000, 2_000]) {
      await pass(pause - 1);
      expect([pause, log.calls.length]).toEqual([pause, 0]);
      await pass(1);
      expect([pause, log.calls.length]).toEqual([pause, 1]);
      failAll();
      await turns();
    }
    await pass(2_000);
    expect(log.calls).toHaveLength(1);
    log.calls[0]!.answer();
    await turns();
    expect(log.calls).toHaveLength(17);
    for (let i = 1; i < 40; i++) {
      log.calls[i]!.answer();
      await turns();
    }
    await Promise.all(pages);
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(warnings.mock.calls[0]![0]).toContain('away');
  });

  it('waits for up to half of a pause less, at random', async () => {
    reader = new LogReader(log, { now: () => now, random: () => 0.9 });
    readers.push(reader);
    void reader.page(at(1), {});
    await turns();
    failAll();
    await turns();
    await pass(54);
    expect(log.calls).toHaveLength(0);
    await pass(1);
    expect(log.calls).toHaveLength(1);
  });

  it('is joined by who comes meanwhile, and left by who goes', async () => {
    const gone = {};
    void reader.bounds(gone);
    void reader.page(at(1), {});
    await turns();
    failAll();
    await turns();
    reader.leave(gone);
    const late = reader.page(at(1), {});
    await pass(100);
    expect(log.asked).toEqual([`after ${at(1)}`]);
    log.calls[0]!.answer();
    expect((await late).floor).toBe(at(1));
  });

  it('stops when the application does', async () => {
    void reader.page(at(1), {});
    void reader.bounds({});
    await turns();
    log.calls.splice(0, 1).forEach((call) => call.fail());
    await turns();
    reader.stop();
    failAll();
    await pass(10_000);
    expect(log.calls).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
