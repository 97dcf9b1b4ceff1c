import {
  append,
  dataOf,
  EVERYTHING,
  recordOf,
  RedisLogs,
  retained,
} from '../support/redis-logs.js';
import type { RedisServer } from '../support/redis-server.js';

const shared = new RedisLogs();
const logs = new RedisLogs();
let server: RedisServer;
let count = 0;

const options = (more: object) => ({
  url: server.url,
  stream: `test-${++count}`,
  ...more,
});

beforeAll(async () => {
  server = await shared.server();
});
afterAll(() => shared.dispose());
afterEach(() => logs.dispose());

const HOUR = 3_600_000;

/** A record that was published so long ago. */
const old = (data: unknown, age: number) =>
  recordOf(data, { time: Date.now() - age });

describe('RedisLog keeps', () => {
  it('so many events, to the last one', async () => {
    const log = await logs.open(options({ maxEvents: 3 }));
    for (let i = 0; i < 10; i++) {
      await append(log, i);
      expect((await retained(log)).length).toBe(Math.min(i + 1, 3));
    }
    expect(await retained(log)).toEqual([7, 8, 9]);
  });

  it('so many events when one append brings more', async () => {
    const log = await logs.open(options({ maxEvents: 5 }));
    const entries = await append(
      log,
      ...Array.from({ length: 12 }, (_, i) => i),
    );
    const { floor } = await log.bounds();

    expect(await retained(log)).toEqual([7, 8, 9, 10, 11]);
    expect(floor).toBe(entries[6]!.cursor);
  });

  it('so many bytes of data, and the newest event however large', async () => {
    const log = await logs.open(options({ maxBytes: 20 }));
    // Six bytes each, with the quotes; the accent takes two.
    await append(log, 'aaaa', 'bbbb', 'cccc');
    expect(await retained(log)).toEqual(['aaaa', 'bbbb', 'cccc']);
    await append(log, 'ééé');
    expect(await retained(log)).toEqual(['bbbb', 'cccc', 'ééé']);
    const [large] = await append(log, 'x'.repeat(50));
    expect(await retained(log)).toEqual(['x'.repeat(50)]);
    await append(log, 'd');

    expect(await retained(log)).toEqual(['d']);
    expect((await log.bounds()).floor).toBe(large!.cursor);
  });

  it('events for so long', async () => {
    const log = await logs.open(options({ maxAge: HOUR }));
    await log.append([old('oldest', 3 * HOUR)]);
    const [, last] = await log.append([
      old('old', 2 * HOUR),
      old('older', HOUR + 1),
    ]);
    expect(await retained(log)).toEqual([]);
    const { floor, head } = await log.bounds();
    expect([floor, head]).toEqual([last!.cursor, last!.cursor]);

    await log.append([old('young', HOUR / 2), recordOf('new')]);
    expect(await retained(log)).toEqual(['young', 'new']);
  });

  it('events for so long when nobody publishes: a tail tells the floor', async () => {
    const maxAge = 600;
    const log = await logs.open(options({ maxAge }));
    let isLate: boolean;
    do {
      const tail = await logs.tail(log);
      const [entry] = await append(log, 'soon gone');
      await tail.until(({ floor }) => floor === entry!.cursor);
      // A machine that is busy may have let it go before the tail could have it.
      isLate = tail.gaps.length > 0;
      if (isLate) {
        expect(Date.now() - entry!.time).toBeGreaterThanOrEqual(maxAge);
        expect(tail.gaps).toMatchObject([{ floor: entry!.cursor }]);
      }
      expect(tail.data).toEqual(isLate ? [] : ['soon gone']);
      await tail.stop();
    } while (isLate);
    expect(await server.command('XLEN', `{test-${count}}`)).toBe(0);
  });

  it('an old event behind one whose time lies ahead no longer than the server has it', async () => {
    const log = await logs.open(options({ maxAge: 100 }));
    const tail = await logs.tail(log);
    const [, last] = await log.append([old('ahead', -HOUR), recordOf('now')]);
    await tail.until(({ floor }) => floor === last!.cursor);

    expect(await retained(log)).toEqual([]);
  });

  it('a floor that never moves down, and positions that are never used twice', async () => {
    const log = await logs.open(options({ maxEvents: 2, maxBytes: 40 }));
    const seen = new Set<string>();
    let before = (await log.bounds()).floor;
    for (let i = 0; i < 60; i++) {
      const entries = await append(
        log,
        ...Array.from({ length: i % 5 }, () => 'x'.repeat((i * 7) % 40)),
      );
      const { floor, head } = await log.bounds();
      expect(floor >= before).toBe(true);
      expect(head >= floor).toBe(true);
      before = floor;
      for (const { cursor } of entries) {
        expect(seen.has(cursor)).toBe(false);
        seen.add(cursor);
      }
    }
  });

  it('no more than a node with tighter bounds wants, from then on', async () => {
    const where = options({});
    const wide = await logs.open(where);
    await append(wide, ...Array.from({ length: 3_000 }, (_, i) => i));
    const tight = await logs.open({ ...where, maxEvents: 10 });

    expect(await retained(tight)).toEqual(
      Array.from({ length: 10 }, (_, i) => 2_990 + i),
    );
  });

  it('what is old however much of it there is, in steps', async () => {
    const where = options({});
    const wide = await logs.open(where);
    await wide.append(
      Array.from({ length: 12_000 }, (_, i) => old(i, 2 * HOUR)),
    );
    await append(wide, 'new');
    const tight = await logs.open({ ...where, maxAge: HOUR });
    const floors = [(await tight.bounds()).floor];
    while (Number(await server.command('XLEN', `{${where.stream}}`)) > 1) {
      floors.push((await tight.bounds()).floor);
    }

    expect(floors).toEqual([...floors].sort());
    expect(await retained(tight)).toEqual(['new']);
  });
});

describe('What a RedisLog has trimmed', () => {
  it('a tail that was behind it is told, and goes on from the floor', async () => {
    const where = options({ maxEvents: 3 });
    const log = await logs.open(where);
    const [first] = await append(log, 0);
    await append(log, 1, 2, 3, 4, 5);
    const { epoch, floor } = await log.bounds();
    const tail = await logs.tail(log, first!.cursor);
    await tail.until(({ entries }) => entries.length === 3);

    expect(tail.gaps).toEqual([{ epoch, floor, position: floor }]);
    expect(tail.data).toEqual([3, 4, 5]);
  });

  it('a tail that began at the floor has not lost', async () => {
    const log = await logs.open(options({ maxEvents: 3 }));
    await append(log, 0, 1, 2, 3, 4);
    const { floor } = await log.bounds();
    const tail = await logs.tail(log, floor);
    await tail.until(({ entries }) => entries.length === 3);

    expect(tail.gaps).toEqual([]);
  });

  it('a page after an older cursor shows by its floor', async () => {
    const log = await logs.open(options({ maxEvents: 2 }));
    const entries = await append(log, 0, 1, 2, 3);
    const page = await log.read(entries[0]!.cursor, EVERYTHING);

    expect(page.floor).toBe(entries[1]!.cursor);
    expect(dataOf(page.entries)).toEqual([2, 3]);
    expect((await log.read(entries[1]!.cursor, EVERYTHING)).floor).toBe(
      entries[1]!.cursor,
    );
  });

  it.each(['XTRIM', 'XDEL'] as const)(
    'by hand (%s), a lagging tail is told',
    async (command) => {
      const where = options({});
      const key = `{${where.stream}}`;
      const log = await logs.open(where);
      const { epoch, floor } = await log.bounds();
      const entries = await append(log, 0, 1, 2, 3, 4);
      if (command === 'XTRIM') {
        await server.command('XTRIM', key, 'MAXLEN', '2');
      } else {
        const all = (await server.command('XRANGE', key, '-', '+')) as [
          string,
        ][];
        // From the midst: the floor stays where it is.
        await server.command('XDEL', key, all[1]![0], all[2]![0]);
      }
      const tail = await logs.tail(log, floor);
      await tail.until(({ data }) => data.at(-1) === 4);
      const gone = entries[2]!.cursor;

      expect(tail.gaps).toEqual([{ epoch, floor: gone, position: gone }]);
      expect(tail.data).toEqual(command === 'XTRIM' ? [3, 4] : [0, 3, 4]);
      // A page has no hole either.
      const page = await log.read(entries[0]!.cursor, EVERYTHING);
      expect(dataOf(page.entries)).toEqual([3, 4]);
      expect(page.floor).toBe(gone);
      const first = await log.read(floor, EVERYTHING);
      expect(dataOf(first.entries)).toEqual(command === 'XTRIM' ? [3, 4] : [0]);
      const back = await log.readBack(entries[4]!.cursor, EVERYTHING);
      expect(dataOf(back.entries)).toEqual([3, 4]);
      expect(back.floor).toBe(gone);
    },
  );

  it('by hand up to the end, a tail is told, and goes on', async () => {
    const where = options({});
    const log = await logs.open(where);
    const { floor } = await log.bounds();
    const entries = await append(log, 0, 1);
    await server.command('XTRIM', `{${where.stream}}`, 'MAXLEN', '0');
    const tail = await logs.tail(log, floor);
    await append(log, 2);
    await tail.until(({ entries: { length } }) => length === 1);

    expect(tail.gaps).toMatchObject([{ position: entries[1]!.cursor }]);
    expect(tail.data).toEqual([2]);
  });
});
