import { cursorAt } from '../log/cursor.js';
import type { LogBounds, LogPage, LogPageLimit } from '../log/event-log.js';
import { MemoryLog } from '../log/memory/memory-log.js';
import { Dispatcher } from './dispatcher.js';
import { Selection } from './selection.js';
import { StreamStart } from './stream-start.js';
import type { Arrival, Start } from './stream-start.js';

/** A log that counts what it is asked, and of which another node may have met more. */
class CountingLog extends MemoryLog {
  readonly calls = { read: 0, readBack: 0, bounds: 0 };
  /** Instead of what it has. */
  tells: Partial<LogBounds> = {};
  /** Up to where it has let go of what it has. */
  trim = '';

  override read(after: string, limit: LogPageLimit): Promise<LogPage> {
    this.calls.read++;
    return super.read(after, limit);
  }

  override async readBack(
    through: string,
    limit: LogPageLimit,
  ): Promise<LogPage> {
    this.calls.readBack++;
    const page = await super.readBack(through, limit);
    const floor = this.trim > page.floor ? this.trim : page.floor;
    const entries = page.entries.filter(({ cursor }) => cursor > floor);
    return { entries, floor };
  }

  override async bounds(): Promise<LogBounds> {
    this.calls.bounds++;
    return { ...(await super.bounds()), ...this.tells };
  }
}

const dispatchers: Dispatcher[] = [];

afterEach(async () => {
  await Promise.all(dispatchers.splice(0).map((each) => each.stop()));
});

const selection = new Selection('hub.stream', { topics: ['movies'] }, {});

/** A node whose window has the newest 4 of 9 events. */
async function start() {
  const log = new CountingLog();
  const { epoch, floor } = await log.open();
  const entries = await log.append(
    Array.from({ length: 9 }, (_, n) => ({
      topic: 'movies',
      type: 'message',
      data: `${n}`,
      time: Date.now(),
    })),
  );
  const dispatcher = new Dispatcher(log, { events: 4 });
  dispatchers.push(dispatcher);
  await dispatcher.start();
  Object.assign(log.calls, { read: 0, readBack: 0, bounds: 0 });
  const ids = entries.map(({ cursor }) => cursor);
  return { log, dispatcher, epoch, floor, ids };
}

async function find(
  dispatcher: Dispatcher,
  arrival: Partial<Arrival>,
): Promise<Start> {
  const start = new StreamStart(dispatcher, {
    selection,
    rewind: undefined,
    from: undefined,
    who: {},
    ...arrival,
  });
  let found = start.find();
  while (found === undefined) {
    await start.ask();
    found = start.find();
  }
  return found;
}

describe('A stream starts', () => {
  it('where its client is, without a question if the window covers that', async () => {
    const { dispatcher, ids, log } = await start();
    for (const from of ids.slice(4)) {
      expect(await find(dispatcher, { from })).toEqual({ cursor: from });
    }
    expect(log.calls).toEqual({ read: 0, readBack: 0, bounds: 0 });
  });

  it('where its client is, if the log still has that, or begins there', async () => {
    const { dispatcher, floor, ids } = await start();
    for (const from of [floor, ...ids.slice(0, 4)]) {
      expect(await find(dispatcher, { from })).toEqual({ cursor: from });
    }
  });

  it('where the log begins although that is no event’s place', async () => {
    const { dispatcher, epoch, ids, log } = await start();
    const from = ids[6]!;
    dispatcher.window.clear(ids[5]!);
    expect((await find(dispatcher, { from })).reset?.reason).toBe('unknown');
    log.tells = { epoch, floor: from };
    expect(await find(dispatcher, { from })).toEqual({ cursor: from });
    log.tells = { epoch, floor: ids[7]! };
    expect((await find(dispatcher, { from })).reset?.reason).toBe('evicted');
  });

  it('behind what the application says, when the client comes with nothing', async () => {
    const { dispatcher, ids, floor } = await start();
    for (const after of [floor, ...ids]) {
      expect(await find(dispatcher, { after })).toEqual({ cursor: after });
      const from = ids[2]!;
      expect(await find(dispatcher, { from, after })).toEqual({ cursor: from });
    }
  });

  it('behind what the application says, when the client’s own is no place; that is told', async () => {
    const { dispatcher, ids, log } = await start();
    const ahead = `${ids[1]!.slice(0, -1)}z`;
    const after = ids[3]!;
    dispatcher.window.clear(ids[8]!);
    expect(await find(dispatcher, { from: ids[0]!, after })).toEqual({
      cursor: ids[0],
    });
    // Both are older than the window, so the log is asked for both.
    log.calls.readBack = 0;
    log.trim = ids[2]!;
    expect(await find(dispatcher, { from: ids[0]!, after })).toEqual({
      cursor: after,
      reset: { reason: 'evicted', cursor: ids[0] },
    });
    expect(log.calls.readBack).toBe(2);
    expect(await find(dispatcher, { from: 'none', after })).toEqual({
      cursor: after,
      reset: { reason: 'malformed', cursor: null },
    });
    expect(await find(dispatcher, { from: ahead, after: ids[0]! })).toEqual({
      cursor: ids[8],
      reset: { reason: 'unknown', cursor: ahead },
    });
    expect(await find(dispatcher, { after: ids[0]! })).toEqual({
      cursor: ids[8],
      reset: { reason: 'evicted', cursor: ids[0] },
    });
  });

  it('now, when the client comes with nothing', async () => {
    const { dispatcher, ids } = await start();
    expect(await find(dispatcher, {})).toEqual({ cursor: ids[8] });
  });

  it.each([
    ['malformed', 'x', null],
    ['epoch', cursorAt('z', 1), cursorAt('z', 1)],
  ])('now, and says why: %s', async (reason, from, cursor) => {
    const { dispatcher, ids } = await start();
    expect(await find(dispatcher, { from })).toEqual({
      cursor: ids[8],
      reset: { reason, cursor },
    });
  });

  it('now, and says why: of this epoch, but of no place or of no form', async () => {
    const { dispatcher, epoch, ids } = await start();
    const ahead = cursorAt(epoch, 10);
    expect(await find(dispatcher, { from: ahead })).toEqual({
      cursor: ids[8],
      reset: { reason: 'unknown', cursor: ahead },
    });
    expect(await find(dispatcher, { from: `${ids[0]}0` })).toEqual({
      cursor: ids[8],
      reset: { reason: 'malformed', cursor: null },
    });
  });

  it('with its rewind when its cursor does not hold', async () => {
    const { dispatcher, ids } = await start();
    const from = cursorAt('z', 1);
    expect(await find(dispatcher, { from, rewind: 6 })).toEqual({
      cursor: ids[2],
      reset: { reason: 'epoch', cursor: from },
    });
  });

  it('ahead of its node, without a question if the log is known to be there', async () => {
    const { dispatcher, epoch, floor, log } = await start();
    const from = cursorAt(epoch, 12);
    log.tells = { epoch, floor, head: from };
    expect(await find(dispatcher, { from })).toEqual({ cursor: from });
    expect(await find(dispatcher, { from: cursorAt(epoch, 11) })).toEqual({
      cursor: cursorAt(epoch, 11),
    });
    expect(log.calls.bounds).toBe(1);
  });
});

describe('5,000 clients that come back together', () => {
  const all = (
    dispatcher: Dispatcher,
    arrival: (i: number) => Partial<Arrival>,
  ) =>
    Promise.all(
      Array.from({ length: 5_000 }, (_, i) => find(dispatcher, arrival(i))),
    );

  it('ask nothing when the window covers them', async () => {
    const { dispatcher, ids, log } = await start();
    await all(dispatcher, (i) => ({ from: ids[4 + (i % 5)] }));
    await all(dispatcher, (i) => ({ rewind: i % 5 }));
    expect(log.calls).toEqual({ read: 0, readBack: 0, bounds: 0 });
  });

  it('ask once for each place', async () => {
    const { dispatcher, ids, log } = await start();
    await all(dispatcher, (i) => ({ from: ids[i % 4] }));
    await all(dispatcher, () => ({ rewind: 7 }));
    expect(log.calls).toEqual({ read: 0, readBack: 5, bounds: 0 });
  });

  it('ask once for what is of another history, or made up', async () => {
    const { dispatcher, epoch, log } = await start();
    await all(dispatcher, (i) => ({
      from: i % 2 === 0 ? cursorAt('z', i) : cursorAt(epoch, 1_000 + i),
    }));
    await all(dispatcher, () => ({ rewind: 'all' }));
    expect(log.calls).toEqual({ read: 0, readBack: 0, bounds: 2 });
  });

  it('ask a few times when they come over many turns', async () => {
    const { dispatcher, log } = await start();
    const arrivals: Promise<Start>[] = [];
    for (let i = 0; i < 5_000; i++) {
      arrivals.push(find(dispatcher, { from: cursorAt('z', i) }));
      if (i % 10 === 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await Promise.all(arrivals);
    // 500 turns; a question every 50 milliseconds.
    expect(log.calls.bounds).toBeLessThan(250);
  });
});
