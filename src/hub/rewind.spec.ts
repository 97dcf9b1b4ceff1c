import { jest } from '@jest/globals';
import fc from 'fast-check';
import type { LogEntry } from '../log/event-log.js';
import { MemoryLog } from '../log/memory/memory-log.js';
import type { MemoryLogOptions } from '../log/memory/memory-log.js';
import { CONTROL_TOPIC } from './control-entry.js';
import { Dispatcher } from './dispatcher.js';
import type { HubEvent } from './hub-event.js';
import { InvalidStreamException } from './hub.exceptions.js';
import type { Rewind } from './rewind.js';
import { checkRewind, rewindInLog, rewindInWindow } from './rewind.js';
import { Selection } from './selection.js';
import type { Listener, SelectionOptions } from './selection.js';

const dispatchers: Dispatcher[] = [];

interface Past {
  readonly topic?: string;
  /** Bytes of its data, at least. */
  readonly size?: number;
  readonly time?: number;
  readonly users?: readonly string[];
}

/** A dispatcher behind which there are these events, of which the window holds the newest. */
async function after(
  past: readonly Past[],
  { window = 100, ...retention }: MemoryLogOptions & { window?: number } = {},
) {
  const log = new MemoryLog({ maxAge: Number.MAX_SAFE_INTEGER, ...retention });
  const { floor } = await log.open();
  const entries = await log.append(
    past.map(({ topic = 'movies', time = 0, users, size = 0 }, n) => ({
      topic,
      type: 'message',
      data: `${n}`.padStart(size),
      time,
      audience: users && { users },
    })),
  );
  const dispatcher = new Dispatcher(log, { events: window });
  dispatchers.push(dispatcher);
  await dispatcher.start();
  return { dispatcher, log, entries, floor };
}

const select = (
  options: SelectionOptions = { topics: ['movies'] },
  listener: Listener = {},
) => new Selection('hub.stream', options, listener);

/** The numbers of the events that a stream gets which starts at the cursor. */
const startsWith = (
  entries: readonly LogEntry[],
  selection: Selection,
  cursor: string,
): number[] =>
  entries
    .map(({ cursor: id, topic, audience, data }) => ({
      id,
      covered: selection.covers({ topic, audience } as HubEvent),
      n: Number(data),
    }))
    .filter(({ id, covered }) => covered && id > cursor)
    .map(({ n }) => n);

/** As a stream finds it. */
const findRewindCursor = async (
  dispatcher: Dispatcher,
  selection: Selection,
  rewind: Rewind,
): Promise<string> =>
  rewindInWindow(dispatcher, selection, rewind) ??
  (await rewindInLog(dispatcher, selection, rewind, {}))!;

const numbers = (count: number): Past[] =>
  Array.from({ length: count }, () => ({}));

afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(dispatchers.splice(0).map((each) => each.stop()));
});

describe('checkRewind', () => {
  it.each<Rewind>([0, 1, 20, 'all', { since: new Date(0) }])(
    'takes %j',
    (rewind) => {
      expect(() => checkRewind('hub.stream', rewind)).not.toThrow();
    },
  );

  it.each([
    -1,
    1.5,
    NaN,
    Infinity,
    '20',
    'ALL',
    '',
    null,
    true,
    {},
    [],
    { since: 0 },
    { since: '2020-01-01' },
    { since: new Date(NaN) },
  ])('refuses %j and says what it may be', (rewind) => {
    const check = () => checkRewind('hub.stream', rewind);
    expect(check).toThrow(InvalidStreamException);
    expect(check).toThrow(
      /^hub\.stream: "rewind" must be a number of events from 0, \{ since: Date \} or 'all'/,
    );
  });
});

describe('a rewound stream starts', () => {
  it('at the floor when all is asked for', async () => {
    const { dispatcher, entries } = await after(numbers(10), {
      window: 2,
      maxEvents: 5,
    });

    expect(await findRewindCursor(dispatcher, select(), 'all')).toBe(
      entries[4]!.cursor,
    );
  });

  it('at now when none is asked for', async () => {
    const { dispatcher } = await after(numbers(3));

    expect(await findRewindCursor(dispatcher, select(), 0)).toBe(
      dispatcher.position,
    );
  });

  it.each([
    ['out of the window', 100],
    ['out of the log', 2],
  ])('in front of the last so many that it selects, %s', async (_, window) => {
    const topics = ['movies', 'other', 'other', 'movies', 'movies', 'other'];
    const { dispatcher, entries, floor } = await after(
      topics.map((topic) => ({ topic })),
      { window },
    );
    const find = async (count: number) =>
      findRewindCursor(dispatcher, select(), count);

    expect(startsWith(entries, select(), await find(1))).toEqual([4]);
    expect(startsWith(entries, select(), await find(2))).toEqual([3, 4]);
    expect(startsWith(entries, select(), await find(3))).toEqual([0, 3, 4]);
    expect(startsWith(entries, select(), await find(99))).toEqual([0, 3, 4]);
    expect(await find(3)).toBe(floor);
  });

  it('without a look into the log, when the window knows', async () => {
    const { dispatcher, entries, floor } = await after(
      [10, 20, 30].map((time) => ({ time })),
    );
    const here = (rewind: Rewind) =>
      rewindInWindow(dispatcher, select(), rewind);

    expect(here(2)).toBe(entries[0]!.cursor);
    expect(here(9)).toBe(floor);
    expect(here('all')).toBe(floor);
    expect(here({ since: new Date(5) })).toBe(floor);
    expect(here({ since: new Date(30) })).toBe(entries[1]!.cursor);
    expect(here({ since: new Date(31) })).toBe(entries[2]!.cursor);
  });

  it('without a look into the log, when the window knows so much although it has not all', async () => {
    const { dispatcher, entries } = await after(numbers(9), { window: 3 });

    expect(rewindInWindow(dispatcher, select(), 3)).toBe(entries[5]!.cursor);
    expect(rewindInWindow(dispatcher, select(), 4)).toBeUndefined();
    expect(rewindInWindow(dispatcher, select(), 'all')).toBeUndefined();
    expect(
      rewindInWindow(dispatcher, select(), { since: new Date() }),
    ).toBeUndefined();
    expect(rewindInWindow(dispatcher, select(), 0)).toBe(dispatcher.position);
  });

  it('after a look at the end of a long log, and not at all of it', async () => {
    const { dispatcher, log, entries } = await after(numbers(9_000), {
      window: 10,
    });
    const read = jest.spyOn(log, 'read');
    const readBack = jest.spyOn(log, 'readBack');

    expect(await findRewindCursor(dispatcher, select(), 100)).toBe(
      entries[8_899]!.cursor,
    );
    expect(readBack).toHaveBeenCalledTimes(1);
    expect(await findRewindCursor(dispatcher, select(), 1_000)).toBe(
      entries[7_999]!.cursor,
    );
    expect(readBack).toHaveBeenCalledTimes(3);
    expect(read).not.toHaveBeenCalled();
  });

  it('in front of events of which one fills a page', async () => {
    const size = 300 * 1024;
    const { dispatcher, entries, floor } = await after(
      [{ size }, {}, { size }, { size }, {}, { size }],
      { window: 1 },
    );

    for (let count = 1; count < 6; count++) {
      expect(await findRewindCursor(dispatcher, select(), count)).toBe(
        entries[5 - count]!.cursor,
      );
    }
    expect(await findRewindCursor(dispatcher, select(), 6)).toBe(floor);
    expect(await findRewindCursor(dispatcher, select(), 7)).toBe(floor);
  });

  it('at the floor when what it looks for is trimmed meanwhile', async () => {
    const { dispatcher, log, entries } = await after(numbers(2_000), {
      window: 1,
      maxEvents: 2_000,
    });
    const readBack = jest.spyOn(log, 'readBack');
    const finding = findRewindCursor(dispatcher, select(), 1_900);
    while (readBack.mock.calls.length < 2) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await log.append(entries.slice(0, 1_800));

    expect(await finding).toBe(entries[1_799]!.cursor);
  });

  it('nowhere when the log has another history than the node', async () => {
    const { dispatcher, log } = await after(numbers(9), { window: 1 });
    const other = new MemoryLog();
    jest.spyOn(log, 'bounds').mockImplementation(() => other.bounds());
    jest
      .spyOn(log, 'readBack')
      .mockImplementation((...page) => other.readBack(...page));

    for (const rewind of [5, 'all', { since: new Date(0) }] as const) {
      expect(
        await rewindInLog(dispatcher, select(), rewind, {}),
      ).toBeUndefined();
    }
    jest
      .spyOn(log, 'read')
      .mockImplementation((...page) => other.read(...page));
    jest.spyOn(log, 'bounds').mockRestore();
    expect(
      await rewindInLog(dispatcher, select(), { since: new Date(0) }, {}),
    ).toBeUndefined();
  });

  it('so that it gets the last so many, whatever log, window and selection are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('movies', 'other'), { maxLength: 12 }),
        fc.integer({ min: 1, max: 14 }),
        fc.integer({ min: 1, max: 14 }),
        fc.nat(14),
        async (topics, window, maxEvents, count) => {
          const { dispatcher, log, entries } = await after(
            topics.map((topic) => ({ topic })),
            { window, maxEvents },
          );
          const { floor } = await log.bounds();
          const retained = startsWith(entries, select(), floor);
          const cursor = await findRewindCursor(dispatcher, select(), count);
          expect(startsWith(entries, select(), cursor)).toEqual(
            retained.slice(retained.length - Math.min(count, retained.length)),
          );
          expect(cursor >= floor).toBe(true);
          await dispatcher.stop();
        },
      ),
    );
  });

  it('counting only events that the user may see', async () => {
    const { dispatcher, entries } = await after([
      { users: ['7'] },
      {},
      { users: ['42'] },
      { users: ['7'] },
      { users: [] },
    ]);
    const selection = select({ topics: ['movies'] }, { userId: '42' });
    const cursor = await findRewindCursor(dispatcher, selection, 2);

    expect(startsWith(entries, selection, cursor)).toEqual([1, 2]);
  });

  it('without counting the hub’s own entries', async () => {
    const { dispatcher, entries } = await after([
      {},
      {},
      { topic: CONTROL_TOPIC },
      { topic: CONTROL_TOPIC },
    ]);

    expect(
      await findRewindCursor(dispatcher, select({ patterns: ['**'] }), 1),
    ).toBe(entries[0]!.cursor);
  });

  it('counting only events that its types and predicate accept', async () => {
    const { dispatcher, entries } = await after(numbers(10), { window: 3 });
    const selection = select({
      topics: ['movies'],
      where: ({ data }: HubEvent) => data % 4 === 0,
    });

    expect(await findRewindCursor(dispatcher, selection, 2)).toBe(
      entries[3]!.cursor,
    );
  });

  it('counting an event at which its predicate throws, which the stream will meet', async () => {
    const { dispatcher, entries } = await after(numbers(4));
    const selection = select({
      topics: ['movies'],
      where: ({ data }: HubEvent) => {
        if (data === 2) {
          throw new Error('poison');
        }
        return true;
      },
    });

    expect(await findRewindCursor(dispatcher, selection, 2)).toBe(
      entries[1]!.cursor,
    );
  });

  it('in front of the first event since a time', async () => {
    const { dispatcher, entries, floor } = await after(
      [10, 20, 20, 30].map((time) => ({ time })),
      { window: 1 },
    );
    const find = async (time: number) =>
      findRewindCursor(dispatcher, select(), { since: new Date(time) });

    expect(await find(0)).toBe(floor);
    expect(await find(10)).toBe(floor);
    expect(await find(11)).toBe(entries[0]!.cursor);
    expect(await find(20)).toBe(entries[0]!.cursor);
    expect(await find(30)).toBe(entries[2]!.cursor);
    expect(await find(31)).toBe(dispatcher.position);
  });

  it('across many pages of the log', async () => {
    const { dispatcher, entries } = await after(
      Array.from({ length: 1_200 }, (_, time) => ({ time })),
      { window: 1 },
    );

    expect(
      await findRewindCursor(dispatcher, select(), { since: new Date(1_100) }),
    ).toBe(entries[1_099]!.cursor);
    expect(await findRewindCursor(dispatcher, select(), 1_000)).toBe(
      entries[199]!.cursor,
    );
  });

  it.each<Rewind>([5, 'all', { since: new Date(0) }])(
    'at the start of an empty log: %j',
    async (rewind) => {
      const { dispatcher, floor } = await after([]);

      expect(await findRewindCursor(dispatcher, select(), rewind)).toBe(floor);
    },
  );
});
