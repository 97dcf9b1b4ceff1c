import { epochOf, isCursor } from '../../src/log/cursor.js';
import {
  recordOf,
  append,
  dataOf,
  EVERYTHING,
  RedisLogs,
  retained,
} from '../support/redis-logs.js';
import type { TailBatch } from 'nestjs-sse-hub';
import type { RedisServer } from '../support/redis-server.js';

const logs = new RedisLogs();
let server: RedisServer;
let count = 0;

/** A stream of its own for each test. */
const options = () => ({ url: server.url, stream: `test-${++count}` });

beforeAll(async () => {
  server = await shared.server();
});
const shared = new RedisLogs();
afterAll(() => shared.dispose());
afterEach(() => logs.dispose());

describe('RedisLog appends', () => {
  it('in an order that append, read, readBack and tail agree on', async () => {
    const log = await logs.open(options());
    const tail = await logs.tail(log);
    const appends = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        log.append(Array.from({ length: i % 4 }, (_, j) => recordOf([i, j]))),
      ),
    );
    const entries = appends.flat();
    const cursors = entries.map(({ cursor }) => cursor);
    await tail.until(({ entries: { length } }) => length === entries.length);
    const { floor, head } = await log.bounds();

    expect(cursors).toEqual([...new Set(cursors)].sort());
    expect(tail.entries).toEqual(entries);
    expect((await log.read(floor, EVERYTHING)).entries).toEqual(entries);
    expect((await log.readBack(head, EVERYTHING)).entries).toEqual(entries);
    expect(head).toBe(cursors.at(-1));
  });

  it('next to each other what was given at once, whoever else appends', async () => {
    const where = options();
    const [a, b] = await Promise.all([logs.open(where), logs.open(where)]);
    await Promise.all(
      [a, b].flatMap((log, node) =>
        Array.from({ length: 30 }, (_, n) =>
          append(log, [node, n, 0], [node, n, 1], [node, n, 2]),
        ),
      ),
    );
    const data = (await retained(a)) as [number, number, number][];

    expect(data).toHaveLength(180);
    for (let i = 0; i < data.length; i += 3) {
      const [node, n] = data[i]!;
      expect(data.slice(i, i + 3)).toEqual([
        [node, n, 0],
        [node, n, 1],
        [node, n, 2],
      ]);
    }
  });

  it('with cursors that isCursor takes, of one length, in the epoch of the bounds', async () => {
    const log = await logs.open(options());
    const { epoch, floor } = await log.bounds();
    const entries = await append(log, 1, 2);

    for (const cursor of [floor, ...entries.map((entry) => entry.cursor)]) {
      expect(isCursor(cursor)).toBe(true);
      expect(epochOf(cursor)).toBe(epoch);
      expect(cursor).toHaveLength(floor.length);
    }
  });

  it('every field as it was given', async () => {
    const log = await logs.open(options());
    const tail = await logs.tail(log);
    const records = [
      recordOf('äöü 😀 \u2028 "quoted" \n'),
      recordOf({ deep: [1, null] }, { topic: '*hub', type: 'hub.disconnect' }),
      recordOf(1, { audience: { users: ['1', 'ä b'] } }),
      recordOf(2, { audience: { users: [], roles: ['admin'] } }),
      recordOf(3, { idempotencyKey: 'movies a b\nc' }),
      recordOf(4, { audience: { roles: ['x'] }, idempotencyKey: 'k' }),
      recordOf(''),
    ];
    const entries = await log.append(records);
    await tail.until(({ entries: { length } }) => length === 7);
    const expected = records.map((record, i) => ({
      ...record,
      cursor: entries[i]!.cursor,
    }));

    expect(entries).toEqual(expected);
    expect(tail.entries).toEqual(expected);
    expect(
      (await log.readBack(entries[6]!.cursor, EVERYTHING)).entries,
    ).toEqual(expected);
  });

  it('nothing for no records, and more than one call takes', async () => {
    const log = await logs.open(options());
    const tail = await logs.tail(log);
    const large = 'x'.repeat(100_000);

    expect(await log.append([])).toEqual([]);
    const many = Array.from({ length: 700 }, (_, i) => i);
    await Promise.all([
      append(log, ...many),
      ...Array.from({ length: 12 }, (_, i) => append(log, [large, i])),
    ]);
    await tail.until(({ entries: { length } }) => length === 712);

    expect(tail.data.slice(0, 700)).toEqual(many);
    expect(
      (tail.data.slice(700) as [string, number][]).map(([, i]) => i),
    ).toEqual(many.slice(0, 12));
  });

  it('again after the server forgot the scripts', async () => {
    const log = await logs.open(options());
    await append(log, 1);
    await server.command('SCRIPT', 'FLUSH');
    await append(log, 2);

    expect(await retained(log)).toEqual([1, 2]);
  });
});

describe('RedisLog keeps an idempotency key', () => {
  const keyed = (data: unknown, idempotencyKey: string) =>
    recordOf(data, { idempotencyKey });

  it('once: the first entry stands in the place of the second', async () => {
    const where = options();
    const [a, b] = await Promise.all([logs.open(where), logs.open(where)]);
    const [first] = await a.append([keyed('first', 'k')]);
    const entries = await b.append([
      recordOf(1),
      keyed('second', 'k'),
      recordOf(2),
    ]);

    expect(entries[1]).toEqual(first);
    expect(await retained(a)).toEqual(['first', 1, 2]);
  });

  it('once within one append and among those of one moment', async () => {
    const log = await logs.open(options());
    const entries = await Promise.all([
      log.append([keyed(1, 'k'), keyed(2, 'k')]),
      log.append([keyed(3, 'k')]),
    ]);

    expect(new Set(entries.flat().map(({ cursor }) => cursor)).size).toBe(1);
    expect(dataOf(entries.flat())).toEqual([1, 1, 1]);
    expect(await retained(log)).toEqual([1]);
  });

  it('as long as its entry is retained, and nothing of it afterwards', async () => {
    const where = { ...options(), maxEvents: 3 };
    const log = await logs.open(where);
    await log.append([keyed(0, 'gone'), keyed(1, 'kept'), recordOf(2)]);
    await append(log, 3);
    await log.append([keyed('again', 'gone')]);

    expect(await retained(log)).toEqual([2, 3, 'again']);
    await append(log, 4, 5, 6);
    expect(await server.command('HKEYS', `{${where.stream}}:meta`)).toEqual([
      'epoch',
      'last',
      'sum',
    ]);
    expect(await server.command('EXISTS', `{${where.stream}}:order`)).toBe(0);
  });

  it('whose entry was deleted by hand, for the next one', async () => {
    const where = options();
    const log = await logs.open(where);
    await log.append([keyed(1, 'a'), keyed(2, 'b')]);
    await server.command('XTRIM', `{${where.stream}}`, 'MAXLEN', '0');
    await log.append([keyed(3, 'a')]);
    await log.append([keyed(4, 'a')]);

    expect(await retained(log)).toEqual([3]);
    // The key of the other entry, deleted too, takes no room.
    expect(await server.command('HKEYS', `{${where.stream}}:meta`)).toEqual([
      'epoch',
      'last',
      'sum',
      'key:a',
    ]);
  });
});

describe('RedisLog reads', () => {
  it('pages after a cursor: at most so many, at least one', async () => {
    const log = await logs.open(options());
    const entries = await append(log, 'aaaa', 'bbbb', 'cccc', 'dddd');
    const after = (i: number, events: number, bytes: number) =>
      log
        .read(entries[i]!.cursor, { events, bytes })
        .then((page) => dataOf(page.entries));

    expect(await after(0, 2, Infinity)).toEqual(['bbbb', 'cccc']);
    // Six bytes each, with the quotes.
    expect(await after(0, Infinity, 12)).toEqual(['bbbb', 'cccc']);
    expect(await after(0, Infinity, 11)).toEqual(['bbbb']);
    expect(await after(0, Infinity, 1)).toEqual(['bbbb']);
    expect(await after(3, 10, 10)).toEqual([]);
  });

  it('pages back from a cursor, oldest first', async () => {
    const log = await logs.open(options());
    const entries = await append(log, 'aaaa', 'bbbb', 'cccc', 'dddd');
    const through = (i: number, events: number, bytes: number) =>
      log
        .readBack(entries[i]!.cursor, { events, bytes })
        .then((page) => dataOf(page.entries));

    expect(await through(2, 2, Infinity)).toEqual(['bbbb', 'cccc']);
    expect(await through(2, Infinity, 12)).toEqual(['bbbb', 'cccc']);
    expect(await through(3, Infinity, 1)).toEqual(['dddd']);
    expect(await through(3, Infinity, Infinity)).toEqual([
      'aaaa',
      'bbbb',
      'cccc',
      'dddd',
    ]);
  });

  it('more than one call gives, small and large', async () => {
    const log = await logs.open(options());
    const large = 'x'.repeat(300_000);
    await append(log, ...Array.from({ length: 1_200 }, (_, i) => i));
    await append(log, ...Array.from({ length: 10 }, () => large));
    const { floor, head } = await log.bounds();
    const all = dataOf((await log.read(floor, EVERYTHING)).entries);

    expect(all).toHaveLength(1_210);
    expect(all.slice(0, 1_200)).toEqual(
      Array.from({ length: 1_200 }, (_, i) => i),
    );
    expect(dataOf((await log.readBack(head, EVERYTHING)).entries)).toEqual(all);
  });

  it('nothing of a cursor of another history, and a floor that is past it', async () => {
    const log = await logs.open(options());
    const { epoch } = await log.bounds();
    await append(log, 1);
    const foreign = `${'0'.repeat(epoch.length)}-${'z'.repeat(14)}`;
    const page = await log.read(foreign, EVERYTHING);

    expect(page.entries).toEqual([]);
    expect(page.floor > foreign).toBe(true);
    expect((await log.readBack(foreign, EVERYTHING)).entries).toEqual([]);
  });

  it('a tail from the beginning to live, without a seam', async () => {
    const log = await logs.open(options());
    const { floor } = await log.bounds();
    await append(log, ...Array.from({ length: 500 }, (_, i) => i));
    const tail = await logs.tail(log, floor);
    const more = Array.from({ length: 200 }, (_, i) => append(log, 500 + i));
    await Promise.all(more);
    await tail.until(({ entries: { length } }) => length >= 700);

    expect(tail.data).toEqual(Array.from({ length: 700 }, (_, i) => i));
    expect(tail.gaps).toEqual([]);
  });

  it('a tail no faster than its reader takes, then all of it', async () => {
    const log = await logs.open(options());
    const tail = await logs.tail(log);
    tail.pause();
    const large = 'x'.repeat(50_000);
    for (let i = 0; i < 60; i++) {
      await append(log, [i, large]);
    }
    // What it waited for when it was paused.
    expect(tail.entries.length).toBeLessThan(10);
    tail.resume();
    await tail.until(({ entries: { length } }) => length === 60);

    expect((tail.data as [number][]).map(([i]) => i)).toEqual(
      Array.from({ length: 60 }, (_, i) => i),
    );
  });
});

describe('RedisLog signals', () => {
  it('every tail of every node, among the entries', async () => {
    const where = options();
    const [a, b] = await Promise.all([logs.open(where), logs.open(where)]);
    const tails = await Promise.all([logs.tail(a), logs.tail(a), logs.tail(b)]);
    const record = recordOf('now', { audience: { users: ['1'] } });
    await a.signal([record, recordOf(2)]);
    await append(b, 1);
    await Promise.all(
      tails.map((tail) =>
        tail.until(
          ({ signals, entries }) =>
            signals.length === 2 && entries.length === 1,
        ),
      ),
    );

    expect(tails[2]!.signals[0]).toEqual(record);
    expect(await retained(a)).toEqual([1]);
  });

  it('and entries come, though a signal waits whenever the tail is asked', async () => {
    const log = await logs.open(options());
    const tail = log.tail((await log.bounds()).head)[Symbol.asyncIterator]();
    await tail.next();
    // Hears each signal when the other has it as well.
    const witness = await logs.tail(log);
    await append(log, 'entry');
    const taken: unknown[] = [];
    for (let n = 1; n <= 1_000 && !taken.includes('entry'); n++) {
      await log.signal([recordOf(n)]);
      await witness.until(({ signals }) => signals.length === n);
      const { value } = (await tail.next()) as { value: TailBatch };
      taken.push(...('records' in value ? dataOf(value.records) : []));
    }

    expect(taken).toContain('entry');
    await tail.return?.();
  });

  it('nobody of another stream or another database', async () => {
    const where = options();
    const one = await logs.open(where);
    const others = await Promise.all([
      logs.open({ ...options() }),
      logs.open({ ...where, url: `${server.url}/1` }),
    ]);
    const tail = await logs.tail(one);
    const otherTails = await Promise.all(others.map((log) => logs.tail(log)));
    await one.signal([recordOf('mine')]);
    await tail.until(({ signals }) => signals.length === 1);
    await Promise.all(others.map((log) => log.signal([recordOf('own')])));
    await Promise.all(
      otherTails.map((other) =>
        other.until(({ signals }) => signals.length > 0),
      ),
    );

    expect(otherTails.map(({ signals }) => dataOf(signals))).toEqual([
      ['own'],
      ['own'],
    ]);
    expect(dataOf(tail.signals)).toEqual(['mine']);
  });

  it('nothing that anybody else publishes to the channel', async () => {
    const where = options();
    const log = await logs.open(where);
    const tail = await logs.tail(log);
    for (const junk of ['not json', '{}', 'null', '[1, null, {"topic": 1}]']) {
      await server.command('PUBLISH', `{${where.stream}}:signals`, junk);
    }
    await log.signal([recordOf(1)]);
    await tail.until(({ signals }) => signals.length > 0);

    expect(dataOf(tail.signals)).toEqual([1]);
  });
});
