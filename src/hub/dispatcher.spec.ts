import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { cursorAt } from '../log/cursor.js';
import type {
  LogBounds,
  LogEntry,
  LogGap,
  LogPage,
  LogRecord,
  TailBatch,
} from '../log/event-log.js';
import { LogUnavailableException } from '../log/log.exceptions.js';
import { MemoryLog } from '../log/memory/memory-log.js';
import type { Disconnect, Refresh } from './control-entry.js';
import { toDisconnectRecord, toRefreshRecord } from './control-entry.js';
import { Dispatcher } from './dispatcher.js';
import type { HubEvent } from './hub-event.js';
import { Selection } from './selection.js';

const EVERYTHING = { events: Infinity, bytes: Infinity };

const recordOf = (data: unknown): LogRecord => ({
  topic: 'movies',
  type: 'message',
  data: JSON.stringify(data),
  time: Date.now(),
});

/** A log whose tail fails or ends when told to, and which counts what is asked of it. */
class FaultyLog extends MemoryLog {
  readonly calls = { open: 0, read: 0, tail: 0, close: 0 };
  /** What becomes of the next tails, before they yield anything. */
  faults: ('fails' | 'ends')[] = [];
  /** Whether it cannot be read back, as the window needs it at start. */
  isUnreadable = false;
  readonly #gaps: LogGap[] = [];
  #interrupt: ((fault: 'fails' | 'ends') => void) | undefined;

  override open(): Promise<LogBounds> {
    this.calls.open++;
    return super.open();
  }

  override read(...args: Parameters<MemoryLog['read']>): Promise<LogPage> {
    this.calls.read++;
    return super.read(...args);
  }

  override readBack(
    ...args: Parameters<MemoryLog['readBack']>
  ): Promise<LogPage> {
    return this.isUnreadable
      ? Promise.reject(new LogUnavailableException('gone'))
      : super.readBack(...args);
  }

  override close(): Promise<void> {
    this.calls.close++;
    return super.close();
  }

  override async *tail(after: string): AsyncGenerator<TailBatch> {
    this.calls.tail++;
    const fault = this.faults.shift();
    if (fault === 'fails') {
      throw new Error('connection lost');
    }
    if (fault === 'ends') {
      return;
    }
    const tail = super.tail(after)[Symbol.asyncIterator]();
    const interrupted = new Promise<'fails' | 'ends'>((resolve) => {
      this.#interrupt = resolve;
    });
    for (const gap of this.#gaps.splice(0)) {
      yield { gap };
    }
    try {
      while (true) {
        const next = await Promise.race([interrupted, tail.next()]);
        if (next === 'fails') {
          throw new Error('connection lost');
        }
        if (next === 'ends' || next.done) {
          return;
        }
        yield next.value;
      }
    } finally {
      await tail.return?.();
    }
  }

  /** The tail that is read now stops. */
  interrupt(fault: 'fails' | 'ends'): void {
    this.#interrupt!(fault);
  }

  /** The next tail begins with a gap. */
  changeHistory(gap: LogGap): void {
    this.#gaps.push(gap);
  }
}

/** Receives events, and lets a test wait for a number of them. */
class Recorder {
  readonly events: HubEvent[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  readonly next = (event: HubEvent): void => {
    this.events.push(event);
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.events.length >= count) {
        resolve();
      }
      return this.events.length < count;
    });
  };

  get data(): unknown[] {
    return this.events.map(({ data }) => data as unknown);
  }

  async until(count: number): Promise<unknown[]> {
    if (this.events.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiting.push({ count, resolve });
      });
    }
    return this.data;
  }
}

const everything = new Selection(
  'hub.listen',
  { patterns: ['**'] },
  { all: true },
);

const dispatchers: Dispatcher[] = [];

function dispatcherOf(
  log: MemoryLog,
  window: { events?: number } = {},
): Dispatcher {
  const dispatcher = new Dispatcher(log, window);
  dispatchers.push(dispatcher);
  return dispatcher;
}

async function start(
  log = new FaultyLog(),
  window?: { events?: number },
  dispatcher = dispatcherOf(log, window),
) {
  const recorder = new Recorder();
  dispatcher.subjects.observe(everything, recorder);
  await dispatcher.start();
  return { log, dispatcher, recorder };
}

async function append(log: MemoryLog, ...data: unknown[]) {
  return log.append(data.map(recordOf));
}

const count = (length: number): number[] =>
  Array.from({ length }, (_, i) => i + 1);

let errors: jest.SpiedFunction<Logger['error']>;
let warnings: jest.SpiedFunction<Logger['warn']>;

beforeEach(() => {
  errors = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
  warnings = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
});

afterEach(async () => {
  await Promise.all(dispatchers.splice(0).map((each) => each.stop()));
  jest.restoreAllMocks();
});

describe('a dispatcher starts', () => {
  it('with a window filled from the log’s history, of which nobody hears', async () => {
    const log = new FaultyLog();
    await append(log, ...count(1_300));
    const { floor, head } = await log.bounds();
    const { dispatcher, recorder } = await start(log);

    expect(dispatcher.position).toBe(head);
    expect(dispatcher.window.covers(floor)).toBe(true);
    expect(
      dispatcher.window.after(floor, EVERYTHING).map(({ data }) => data),
    ).toEqual(count(1_300));
    expect(recorder.events).toEqual([]);

    await append(log, 'live');
    expect(await recorder.until(1)).toEqual(['live']);
  });

  it('with the newest history, when the window is smaller than the log', async () => {
    const log = new FaultyLog();
    await append(log, ...count(20));
    const { dispatcher } = await start(log, { events: 3 });

    expect(
      [...dispatcher.window.newestFirst()].map(({ data }) => data),
    ).toEqual([20, 19, 18]);
    expect(dispatcher.window.covers((await log.bounds()).floor)).toBe(false);
  });

  it('at the floor of a log that is empty, in its epoch', async () => {
    const log = new FaultyLog();
    const { dispatcher } = await start(log);
    const { epoch, floor } = await log.bounds();

    expect(dispatcher.position).toBe(floor);
    expect(dispatcher.epoch).toBe(epoch);
    expect(dispatcher.window.covers(floor)).toBe(true);
  });

  it('without claiming what lies before a part of the history', async () => {
    const log = new FaultyLog();
    const entries = await append(log, 1, 2, 3, 4, 5);
    const { dispatcher } = await start(log, { events: 3 });

    expect(dispatcher.window.covers(entries[0]!.cursor)).toBe(false);
    expect(dispatcher.window.covers(entries[1]!.cursor)).toBe(true);
    expect(
      dispatcher.window
        .after(entries[1]!.cursor, EVERYTHING)
        .map(({ data }) => data),
    ).toEqual([3, 4, 5]);
  });

  it('empty when everything was trimmed before it was filled', async () => {
    class TrimmedLog extends FaultyLog {
      override readBack(through: string): Promise<LogPage> {
        return Promise.resolve({ entries: [], floor: through });
      }
    }
    const log = new TrimmedLog();
    const entries = await append(log, 1, 2);
    const { dispatcher } = await start(log);

    expect(dispatcher.window.covers(entries[0]!.cursor)).toBe(false);
    expect(dispatcher.window.covers(entries[1]!.cursor)).toBe(true);
  });

  it('once, however often it is asked', async () => {
    const log = new FaultyLog();
    const dispatcher = dispatcherOf(log);
    await Promise.all([dispatcher.start(), dispatcher.start()]);
    await dispatcher.start();

    expect(log.calls).toMatchObject({ open: 1, tail: 1 });
  });
});

describe('a dispatcher that could not fill its window', () => {
  it('starts again on the log that it has opened', async () => {
    const log = new FaultyLog();
    log.isUnreadable = true;
    await expect(start(log)).rejects.toThrow(LogUnavailableException);
    await append(log, 1);
    log.isUnreadable = false;
    const { recorder } = await start(log, undefined, dispatchers[0]);

    expect(await recorder.until(1)).toEqual([1]);
    expect(log.calls.open).toBe(1);
  });

  it('closes the log when it stops', async () => {
    const log = new FaultyLog();
    log.isUnreadable = true;
    await expect(start(log)).rejects.toThrow(LogUnavailableException);
    await dispatchers[0]!.stop();

    expect(log.calls.close).toBe(1);
  });
});

describe('a dispatcher hands on', () => {
  it('every event in the log’s order, and moves its position with each', async () => {
    const { log, dispatcher, recorder } = await start();
    const positions: string[] = [];
    dispatcher.subjects.observe(everything, {
      next: () => positions.push(dispatcher.position),
    });
    const entries = (
      await Promise.all([append(log, 1, 2), append(log, 3), append(log, 4)])
    ).flat();

    expect(await recorder.until(4)).toEqual([1, 2, 3, 4]);
    expect(recorder.events.map(({ id }) => id)).toEqual(
      entries.map(({ cursor }) => cursor),
    );
    expect(positions).toEqual(entries.map(({ cursor }) => cursor));
  });

  it('one object to all, and the same to the window', async () => {
    const { log, dispatcher, recorder } = await start();
    const other = new Recorder();
    dispatcher.subjects.observe(everything, other);
    const before = dispatcher.position;
    await append(log, 1);
    await recorder.until(1);

    expect(other.events[0]).toBe(recorder.events[0]);
    expect(dispatcher.window.after(before, EVERYTHING)[0]).toBe(
      recorder.events[0],
    );
  });

  it('signals without an id, which move nothing and are not kept', async () => {
    const { log, dispatcher, recorder } = await start();
    const before = dispatcher.position;
    await log.signal([recordOf('now')]);
    await recorder.until(1);

    expect(recorder.events[0]!.id).toBeUndefined();
    expect(dispatcher.position).toBe(before);
    expect([...dispatcher.window.newestFirst()]).toEqual([]);
  });

  it('an event to everyone before the one that a subscriber publishes on it', async () => {
    const { log, dispatcher } = await start();
    const seen: string[] = [];
    const last = new Recorder();
    dispatcher.subjects.observe(everything, {
      next: (event) => {
        seen.push(`a${event.data}`);
        if (event.data < 3) {
          void append(log, event.data + 1);
        }
      },
    });
    dispatcher.subjects.observe(everything, {
      next: (event) => {
        seen.push(`b${event.data}`);
        last.next(event);
      },
    });
    await append(log, 1);
    await last.until(3);

    expect(seen).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
  });

  it('much data in slices, between which others run', async () => {
    class OneBatchLog extends FaultyLog {
      entries: LogEntry[] = [];

      override async *tail(): AsyncGenerator<TailBatch> {
        yield { records: this.entries };
      }
    }
    const log = new OneBatchLog();
    const { epoch } = await log.bounds();
    const large = 'x'.repeat(64 * 1024);
    log.entries = count(32).map((n) => ({
      ...recordOf(large),
      cursor: cursorAt(epoch, n),
    }));
    const dispatcher = dispatcherOf(log);
    const recorder = new Recorder();
    const seenByOthers: number[] = [];
    const look = (): void => {
      seenByOthers.push(recorder.events.length);
      if (recorder.events.length < 32) {
        setImmediate(look);
      }
    };
    setImmediate(look);
    dispatcher.subjects.observe(everything, recorder);
    await dispatcher.start();
    await recorder.until(32);
    await nextTurn();

    const steps = seenByOthers.map(
      (seen, i) => seen - (seenByOthers[i - 1] ?? 0),
    );
    expect(Math.max(...steps)).toBeLessThanOrEqual(6);
  });
});

describe('an entry of the hub’s own', () => {
  async function startControlled(log = new FaultyLog()) {
    const obeyed: [what: string, position: string][] = [];
    const control = {
      disconnect: ({ user }: Disconnect) => {
        obeyed.push([`disconnect ${user}`, dispatcher.position]);
        if (user === 'bad') {
          throw new Error('control');
        }
      },
      refresh: ({ user }: Refresh) => {
        obeyed.push([`refresh ${user}`, dispatcher.position]);
      },
      missed: () => {
        obeyed.push(['missed', dispatcher.position]);
      },
    };
    const dispatcher: Dispatcher = new Dispatcher(log, {}, control);
    dispatchers.push(dispatcher);
    const recorder = new Recorder();
    dispatcher.subjects.observe(everything, recorder);
    await dispatcher.start();
    return { log, dispatcher, recorder, obeyed };
  }

  it('is obeyed at its place among the events, which alone are handed on', async () => {
    const { log, dispatcher, recorder, obeyed } = await startControlled();
    const before = dispatcher.position;
    const entries = await log.append([
      recordOf(1),
      toDisconnectRecord({ user: 7 }, 'revoked'),
      recordOf(2),
      toRefreshRecord({ user: 7 }),
      { ...toRefreshRecord({ user: 7 }), type: 'hub.of-a-later-version' },
    ]);
    await dispatcher.dispatched(entries[3]!.cursor);
    expect(recorder.data).toEqual([1, 2]);
    expect(obeyed).toEqual([
      ['disconnect 7', entries[1]!.cursor],
      ['refresh 7', entries[3]!.cursor],
    ]);
    await dispatcher.dispatched(entries[4]!.cursor);
    expect(dispatcher.position).toBe(entries[4]!.cursor);
    expect(
      dispatcher.window.after(before, EVERYTHING).map(({ id }) => id),
    ).toEqual(entries.map(({ cursor }) => cursor));
  });

  it('does not stop the dispatcher when it cannot be obeyed', async () => {
    const { log, dispatcher, recorder } = await startControlled();
    const [entry] = await log.append([
      toDisconnectRecord({ user: 'bad' }, 'revoked'),
      recordOf(1),
    ]);
    await dispatcher.dispatched(entry!.cursor);
    expect(await recorder.until(1)).toEqual([1]);
    expect(errors).toHaveBeenCalledTimes(1);
  });

  it('is not obeyed again by a node that starts behind it', async () => {
    const log = new FaultyLog();
    await log.append([toDisconnectRecord({ user: 7 }, 'revoked')]);
    const { recorder, obeyed } = await startControlled(log);
    await append(log, 1);
    await recorder.until(1);
    expect(obeyed).toEqual([]);
  });

  const gapAt = (epoch: string, position: number): LogGap => ({
    epoch,
    floor: cursorAt(epoch, position),
    position: cursorAt(epoch, position),
  });

  /** Lets a gap come, and gives what was done when the streams were told. */
  async function meetGap(
    { log, dispatcher, obeyed }: Awaited<ReturnType<typeof startControlled>>,
    gap: LogGap,
  ): Promise<string[]> {
    const before = dispatcher.position;
    const told = new Promise<string[]>((resolve) => {
      dispatcher.register(
        {
          historyChanged: (...change) => {
            expect(change).toEqual([
              gap.position,
              gap.epoch === before.split('-')[0]
                ? 'evicted'
                : 'history-changed',
              before,
            ]);
            resolve(obeyed.map(([what]) => what));
          },
        },
        before,
      );
    });
    log.changeHistory(gap);
    log.interrupt('ends');
    return told;
  }

  const shared = (): FaultyLog =>
    Object.assign(new FaultyLog(), {
      capabilities: { durable: true, shared: true },
    });

  it.each(['the same', 'another'])(
    'may have gone by in a gap of a shared log, which is told before streams go on: %s epoch',
    async (which) => {
      const node = await startControlled(shared());
      const epoch = which === 'another' ? 'z2' : node.dispatcher.epoch;
      expect(await meetGap(node, gapAt(epoch, 7))).toEqual(['missed']);
    },
  );

  it('cannot have gone by unknown when the log is this node’s alone', async () => {
    expect(await meetGap(await startControlled(), gapAt('z2', 7))).toEqual([]);
  });

  it('that this node has commanded is obeyed at a gap in which it may be gone', async () => {
    const node = await startControlled();
    const { dispatcher, log } = node;
    jest
      .spyOn(log, 'append')
      .mockImplementation(([record]) =>
        Promise.resolve([
          { ...record!, cursor: cursorAt(dispatcher.epoch, 5) },
        ]),
      );
    const commanded = dispatcher.command(
      toDisconnectRecord({ user: 7 }, 'revoked'),
    );
    expect(await meetGap(node, gapAt(dispatcher.epoch, 7))).toEqual([
      'disconnect 7',
    ]);
    await commanded;
    await dispatcher.command(toDisconnectRecord({ user: 8 }, 'revoked'));
    expect(await meetGap(node, gapAt('z2', 7))).toEqual(['disconnect 7']);
  });

  it('that is lost with its history is told to who waits for it', async () => {
    const node = await startControlled();
    const { dispatcher } = node;
    const cursor = cursorAt(dispatcher.epoch, 99);
    const waiting = dispatcher.dispatched(cursor);
    await Promise.all([
      expect(waiting).rejects.toThrow(LogUnavailableException),
      meetGap(node, gapAt('z2', 7)),
    ]);
    await expect(dispatcher.dispatched(cursor)).rejects.toThrow(
      LogUnavailableException,
    );
    await dispatcher.dispatched(cursorAt('z2', 7));
  });

  it('that is not met any more is told to who waits for it', async () => {
    const { dispatcher } = await startControlled();
    const waiting = dispatcher.dispatched(cursorAt(dispatcher.epoch, 99));
    await Promise.all([
      expect(waiting).rejects.toThrow(LogUnavailableException),
      dispatcher.stop(),
    ]);
  });
});

describe('a dispatcher runs outside AsyncLocalStorage', () => {
  const requests = new AsyncLocalStorage<string>();

  it('of whoever publishes', async () => {
    const { log, dispatcher, recorder } = await start();
    const stores: unknown[] = [];
    dispatcher.subjects.observe(everything, {
      next: () => stores.push(requests.getStore()),
    });
    await requests.run('alice', () => append(log, 1));
    await requests.run('bob', () => log.signal([recordOf(2)]));
    await recorder.until(2);

    expect(stores).toEqual([undefined, undefined]);
  });

  it('of whoever has it do something', async () => {
    const { dispatcher } = await start();
    const later = requests.run('alice', () =>
      dispatcher.detached(() =>
        Promise.resolve(requests.getStore()).then((store) => [
          store,
          requests.getStore(),
        ]),
      ),
    );

    expect(await later).toEqual([undefined, undefined]);
  });

  it('of whoever publishes first, and so starts it', async () => {
    const log = new FaultyLog();
    const dispatcher = dispatcherOf(log);
    const recorder = new Recorder();
    const stores: unknown[] = [];
    dispatcher.subjects.observe(everything, {
      next: (event) => {
        stores.push(requests.getStore());
        recorder.next(event);
      },
    });
    await requests.run('alice', () => dispatcher.start());
    await append(log, 1);
    await recorder.until(1);

    expect(stores).toEqual([undefined]);
  });
});

describe('when the tail of a log', () => {
  it.each(['fails', 'ends'] as const)(
    '%s, a dispatcher goes on where it was, with nothing lost or doubled',
    async (fault) => {
      const { log, recorder } = await start();
      await append(log, 1, 2);
      await recorder.until(2);
      log.interrupt(fault);
      await append(log, 3);
      await append(log, 4);

      expect(await recorder.until(4)).toEqual([1, 2, 3, 4]);
      await append(log, 5);
      expect(await recorder.until(5)).toEqual([1, 2, 3, 4, 5]);
      expect(log.calls.tail).toBe(2);
    },
  );

  it('keeps failing, it waits longer each time, and starts over when it works', async () => {
    const log = new FaultyLog();
    log.faults = ['fails', 'ends'];
    const { recorder } = await start(log);
    await append(log, 1);
    await recorder.until(1);
    log.interrupt('fails');
    await append(log, 2);
    await recorder.until(2);

    expect(errors.mock.calls.map(([message]) => message)).toEqual([
      expect.stringContaining('trying again in 100 ms'),
      expect.stringContaining('trying again in 200 ms'),
      expect.stringContaining('trying again in 100 ms'),
    ]);
    expect(errors.mock.calls[0]![1]).toEqual(new Error('connection lost'));
  });

  it('has a gap, streams are told, and window, epoch and position start over', async () => {
    const { log, dispatcher, recorder } = await start();
    const old = await append(log, 1, 2);
    await recorder.until(2);
    const told: string[] = [];
    const positions: string[] = [];
    dispatcher.register(
      {
        historyChanged: (position, reason, before) => {
          told.push(position, reason, before);
          positions.push(dispatcher.position);
        },
      },
      dispatcher.position,
    );
    const gone = { historyChanged: jest.fn() };
    dispatcher.register(gone, dispatcher.position);
    dispatcher.unregister(gone);
    const gap = {
      epoch: 'z2',
      floor: cursorAt('z2', 5),
      position: cursorAt('z2', 9),
    };
    log.changeHistory(gap);
    log.interrupt('ends');
    await new Promise<void>((resolve) => {
      warnings.mockImplementation(() => resolve());
    });
    await nextTurn();

    expect(told).toEqual([gap.position, 'history-changed', old[1]!.cursor]);
    expect(gone.historyChanged).not.toHaveBeenCalled();
    expect(positions).toEqual([gap.position]);
    expect(dispatcher.epoch).toBe('z2');
    expect(dispatcher.position).toBe(gap.position);
    expect(dispatcher.window.covers(gap.position)).toBe(true);
    expect(dispatcher.window.covers(old[1]!.cursor)).toBe(false);
    expect([...dispatcher.window.newestFirst()]).toEqual([]);
    expect(recorder.data).toEqual([1, 2]);
  });

  it('tells of a new floor, the window forgets what is below it', async () => {
    const log = new FaultyLog({ maxEvents: 2 });
    const { dispatcher, recorder } = await start(log);
    const entries = await append(log, 1, 2, 3);
    await recorder.until(3);
    await nextTurn();

    expect(dispatcher.window.floor).toBe(entries[0]!.cursor);
  });
});

describe('a page of the log is', () => {
  it('read once for all who wait for it', async () => {
    const { log, dispatcher } = await start();
    const before = dispatcher.position;
    await append(log, 1, 2);
    log.calls.read = 0;
    const [a, b] = await Promise.all([
      dispatcher.page(before, {}),
      dispatcher.page(before, {}),
    ]);

    expect(log.calls.read).toBe(1);
    expect(a.events[0]).toBe(b.events[0]);
    expect(a.events.map(({ data }) => data)).toEqual([1, 2]);
    expect(a.floor).toBe(before);
  });

  it('read anew later, also after a failure', async () => {
    const { log, dispatcher } = await start();
    const read = jest
      .spyOn(log, 'read')
      .mockRejectedValueOnce(new Error('away'));
    const pages = [
      dispatcher.page(dispatcher.position, {}),
      dispatcher.page(dispatcher.position, {}),
    ];
    await Promise.all(
      pages.map((page) => expect(page).rejects.toThrow('away')),
    );

    expect((await dispatcher.page(dispatcher.position, {})).events).toEqual([]);
    await dispatcher.page(dispatcher.position, {});
    expect(read).toHaveBeenCalledTimes(3);
  });
});

describe('a dispatcher stops', () => {
  it('by completing its observers and closing the log, once', async () => {
    const { log, dispatcher } = await start();
    const complete = jest.fn();
    dispatcher.subjects.observe(everything, { complete });
    await Promise.all([dispatcher.stop(), dispatcher.stop()]);

    expect(complete).toHaveBeenCalledTimes(1);
    expect(log.calls.close).toBe(1);
    expect(errors).not.toHaveBeenCalled();
  });

  it('at once while it waits to try the log again', async () => {
    const { log, dispatcher } = await start();
    log.faults = ['fails'];
    const failed = new Promise<void>((resolve) => {
      errors.mockImplementation(() => resolve());
    });
    log.interrupt('fails');
    await failed;
    const stopped = jest.fn();
    void dispatcher.stop().then(stopped);
    for (let turn = 0; turn < 10; turn++) {
      await nextTurn();
    }

    expect(stopped).toHaveBeenCalled();
    expect(log.calls.tail).toBe(1);
  });

  it('handing on nothing more of a batch it is in', async () => {
    const { log, dispatcher, recorder } = await start();
    const large = 'x'.repeat(200 * 1024);
    let stopped: Promise<void> | undefined;
    dispatcher.subjects.observe(everything, {
      next: () => {
        stopped ??= dispatcher.stop();
      },
    });
    await append(log, large, large, large, large);
    await recorder.until(1);
    await stopped;

    expect(recorder.events).toHaveLength(1);
  });

  it('without opening a log that it has not opened', async () => {
    const log = new FaultyLog();
    await dispatcherOf(log).stop();

    expect(log.calls).toMatchObject({ open: 0, tail: 0 });
  });
});
