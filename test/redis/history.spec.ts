import { epochOf } from '../../src/log/cursor.js';
import type { RedisLog } from 'nestjs-sse-hub/redis';
import {
  append,
  EVERYTHING,
  recordOf,
  RedisLogs,
  retained,
} from '../support/redis-logs.js';
import type { TailReader } from '../support/tail-reader.js';

const logs = new RedisLogs();

afterEach(() => logs.dispose());

const cursorsOf = (entries: readonly { cursor: string }[]) =>
  entries.map(({ cursor }) => cursor);

/** Reads of `log` succeed again: it has connected anew. */
async function back(log: RedisLog): Promise<void> {
  while (
    !(await log.bounds().then(
      () => true,
      () => false,
    ))
  ) {
    // It waits by itself.
  }
}

const sees =
  (data: unknown) =>
  (tail: TailReader): boolean =>
    tail.data.includes(data);

describe('A RedisLog whose server was killed', () => {
  it('goes on in the same history where everything was kept', async () => {
    const server = await logs.server({ appendOnly: true });
    const log = await logs.open({ url: server.url });
    const tail = await logs.tail(log);
    const before = await append(log, 1, 2, 3);
    await tail.until(sees(3));
    await server.restart();
    await back(log);
    const after = await append(log, 4);
    await tail.until(sees(4));

    expect(tail.data).toEqual([1, 2, 3, 4]);
    expect(tail.gaps).toEqual([]);
    expect(tail.cursors).toEqual(cursorsOf([...before, ...after]));
  });

  it('gives cursors that a new process takes', async () => {
    const server = await logs.server({ appendOnly: true });
    const first = await logs.open({ url: server.url });
    const entries = await append(first, 1, 2, 3);
    const bounds = await first.bounds();
    await first.close();
    await server.restart();
    const second = logs.log({ url: server.url });

    expect(await second.open()).toEqual(bounds);
    const page = await second.read(entries[0]!.cursor, EVERYTHING);
    expect(cursorsOf(page.entries)).toEqual(cursorsOf(entries.slice(1)));
  });

  it('goes on from the beginning of another history where nothing was kept', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const tail = await logs.tail(log);
    await append(log, 1, 2, 3);
    await tail.until(sees(3));
    await server.restart();
    await back(log);
    const [entry] = await append(log, 4);
    await append(log, 5);
    await tail.until(sees(5));
    const { epoch, floor } = await log.bounds();

    expect(tail.data).toEqual([1, 2, 3, 4, 5]);
    expect(tail.gaps).toEqual([{ epoch, floor, position: floor }]);
    expect(tail.cursors[3]).toBe(entry!.cursor);
    expect(epochOf(tail.cursors[2]!)).not.toBe(epoch);
  });
});

describe('A RedisLog that was flushed under its tails', () => {
  it('is another history at once, also when nothing is appended', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const { epoch } = await log.bounds();
    const tail = await logs.tail(log);
    await append(log, 1);
    await tail.until(sees(1));
    await server.flushAll();
    await tail.until(({ gaps }) => gaps.length > 0);
    const now = await log.bounds();

    expect(tail.gaps).toEqual([
      { epoch: now.epoch, floor: now.floor, position: now.floor },
    ]);
    expect(now.epoch > epoch).toBe(true);
  });

  it('yields all that was appended after it', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const tail = await logs.tail(log);
    await append(log, 1, 2);
    await tail.until(sees(2));
    tail.pause();
    await server.flushAll();
    const entries = await append(log, 3, 4, 5);
    tail.resume();
    await tail.until(sees(5));

    expect(tail.data).toEqual([1, 2, 3, 4, 5]);
    expect(tail.gaps).toHaveLength(1);
    expect(tail.cursors.slice(2)).toEqual(cursorsOf(entries));
    // The gap stands between the two histories.
    expect(tail.story[2]).toBe(tail.gaps[0]);
  });

  it('before anything was appended: a tail at the beginning takes no entry for one of the old history', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const { head } = await log.bounds();
    const tail = await logs.tail(log, head);
    await server.flushAll();
    const entries = await append(log, 1, 2);
    await tail.until(sees(2));

    expect(tail.gaps).toHaveLength(1);
    expect(tail.cursors).toEqual(cursorsOf(entries));
    expect(epochOf(entries[0]!.cursor)).not.toBe(epochOf(head));
  });

  it('again and again, while nodes publish at full speed', async () => {
    const server = await logs.server();
    const nodes = await Promise.all(
      [0, 1].map(() => logs.open({ url: server.url, maxEvents: 100_000 })),
    );
    const tails = await Promise.all(nodes.map((log) => logs.tail(log)));
    const last: string[] = [];
    let n = 0;
    for (let round = 0; round < 5; round++) {
      const epochs = new Set<string>();
      const publishers = nodes.map(async (log) => {
        for (let i = 0; i < 40; i++) {
          const [entry] = await append(log, n++);
          epochs.add(epochOf(entry!.cursor));
          last[round] = entry!.cursor;
        }
      });
      await Promise.race(publishers);
      await server.flushAll();
      await Promise.all(publishers);
      expect(epochs.size).toBeLessThanOrEqual(2);
    }
    const final = await Promise.all(nodes.map((log) => append(log, 'last')));
    await Promise.all(
      tails.map((tail) =>
        tail.until(
          ({ data }) => data.filter((one) => one === 'last').length === 2,
        ),
      ),
    );
    const { epoch, floor } = await nodes[0]!.bounds();
    const expected = await retained(nodes[0]!);

    for (const tail of tails) {
      const of = tail.entries.filter(({ cursor }) => epochOf(cursor) === epoch);
      expect(of.map(({ data }) => JSON.parse(data) as unknown)).toEqual(
        expected,
      );
      expect(tail.gaps.at(-1)).toEqual({ epoch, floor, position: floor });
      expect(new Set(tail.cursors).size).toBe(tail.cursors.length);
    }
    expect(final.flat().every(({ cursor }) => epochOf(cursor) === epoch)).toBe(
      true,
    );
  });

  it('within a millisecond: a tail takes no entry for one of the old history', async () => {
    const server = await logs.server();
    const [one, other] = await Promise.all(
      [1, 2].map(() => logs.open({ url: server.url })),
    );
    const tail = await logs.tail(one!);
    await append(one!, 0);
    await tail.until(sees(0));
    for (let round = 1; round <= 5; round++) {
      await server.atOnce(
        () => append(one!, 'before'),
        (command) => command('FLUSHALL'),
        () => append(other!, 'behind', 'behind it'),
      );
      await append(other!, round);
      await tail.until(sees(round));
      const { epoch, floor } = await one!.bounds();
      const { entries } = await one!.read(floor, EVERYTHING);

      expect(tail.gaps).toHaveLength(round);
      expect(
        tail.cursors.filter((cursor) => epochOf(cursor) === epoch),
      ).toEqual(cursorsOf(entries));
    }
  });

  it('hands idempotency keys back', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    await log.append([recordOf(1, { idempotencyKey: 'k' })]);
    await server.flushAll();
    await log.append([recordOf(2, { idempotencyKey: 'k' })]);

    expect(await retained(log)).toEqual([2]);
  });
});

describe.each([true, false])(
  'A RedisLog that lost its newest entries (append only: %s)',
  (appendOnly) => {
    async function start() {
      const server = await logs.server({ appendOnly });
      const proxy = await logs.proxy(server);
      const log = await logs.open({ url: proxy.url });
      const tail = await logs.tail(log);
      const kept = await append(log, 1, 2);
      await server.save();
      await append(log, 'lost 3', 'lost 4');
      await tail.until(sees('lost 4'));
      return { server, proxy, log, tail, kept };
    }

    it('gets another epoch from the node that had seen them', async () => {
      const { server, log, tail, kept } = await start();
      await server.rollBack();
      await tail.until(({ gaps }) => gaps.length > 0);
      const [entry] = await append(log, 5);
      await tail.until(sees(5));
      const { epoch } = await log.bounds();

      expect(epoch > epochOf(kept[0]!.cursor)).toBe(true);
      // What was kept was seen before: it goes on behind it.
      expect(tail.gaps).toMatchObject([
        { epoch, position: `${epoch}-${kept[1]!.cursor.split('-')[1]}` },
      ]);
      expect(withoutMarks(tail)).toEqual([1, 2, 'lost 3', 'lost 4', 5]);
      expect(tail.cursors.at(-1)).toBe(entry!.cursor);
    });

    it('yields what others had appended before that node came back', async () => {
      const { server, log, tail, proxy } = await start();
      proxy.refuse();
      await server.rollBack();
      const other = await logs.open({ url: server.url });
      const otherTail = await logs.tail(other);
      const news = await append(other, 'new 5', 'new 6');
      await otherTail.until(sees('new 6'));
      proxy.accept();
      await tail.until(sees('new 6'));
      const { epoch } = await log.bounds();
      const [entry] = await append(log, 7);
      await Promise.all([tail, otherTail].map((one) => one.until(sees(7))));

      expect(withoutMarks(tail)).toEqual([
        1,
        2,
        'lost 3',
        'lost 4',
        'new 5',
        'new 6',
        7,
      ]);
      expect(tail.gaps).toHaveLength(1);
      // The other node, connected all the while, met the change in its place among the entries.
      expect(withoutMarks(otherTail)).toEqual(['new 5', 'new 6', 7]);
      expect(otherTail.gaps).toMatchObject([
        { epoch, position: `${epoch}-${news[1]!.cursor.split('-')[1]}` },
      ]);
      expect(otherTail.story[2]).toBe(otherTail.gaps[0]);
      for (const { cursors } of [tail, otherTail]) {
        expect(cursors.at(-1)).toBe(entry!.cursor);
      }
    });

    it('says so to a node that had not seen them, in its place', async () => {
      const server = await logs.server({ appendOnly });
      const proxy = await logs.proxy(server);
      const [seer, other] = await Promise.all([
        logs.open({ url: server.url }),
        logs.open({ url: proxy.url }),
      ]);
      const tails = await Promise.all([logs.tail(seer), logs.tail(other)]);
      const kept = await append(seer, 1, 2);
      await Promise.all(tails.map((tail) => tail.until(sees(2))));
      await server.save();
      // Only one node sees what will be lost.
      proxy.refuse();
      proxy.cut();
      await append(seer, 'lost');
      await tails[0]!.until(sees('lost'));
      await server.rollBack();
      proxy.accept();
      await tails[0]!.until(({ gaps }) => gaps.length > 0);
      await back(other);
      const [entry] = await append(other, 3);
      await Promise.all(tails.map((tail) => tail.until(sees(3))));
      const { epoch } = await other.bounds();
      const position = `${epoch}-${kept[1]!.cursor.split('-')[1]}`;

      expect(tails.map(withoutMarks)).toEqual([
        [1, 2, 'lost', 3],
        [1, 2, 3],
      ]);
      expect(tails.map(({ gaps }) => gaps)).toMatchObject([
        [{ epoch, position }],
        [{ epoch, position }],
      ]);
      expect(tails.map(({ cursors }) => cursors.at(-1))).toEqual([
        entry!.cursor,
        entry!.cursor,
      ]);
    });

    it('has one new epoch when several nodes notice at once, and no entry twice', async () => {
      const server = await logs.server({ appendOnly });
      const nodes = await Promise.all(
        [1, 2, 3, 4].map(() => logs.open({ url: server.url })),
      );
      const tails = await Promise.all(nodes.map((log) => logs.tail(log)));
      await append(nodes[0]!, 1, 2);
      await server.save();
      await append(nodes[0]!, 'lost');
      await Promise.all(tails.map((tail) => tail.until(sees('lost'))));
      await server.rollBack();
      await Promise.all(
        tails.map((tail) => tail.until(({ gaps }) => gaps.length > 0)),
      );
      await append(nodes[1]!, 3);
      await Promise.all(tails.map((tail) => tail.until(sees(3))));
      const { epoch } = await nodes[0]!.bounds();

      for (const tail of tails) {
        expect(tail.gaps.map((gap) => gap.epoch)).toEqual([epoch]);
        expect(withoutMarks(tail)).toEqual([1, 2, 'lost', 3]);
      }
      expect(new Set(tails.map(({ cursors }) => cursors.join())).size).toBe(1);
    });

    it('and then the change itself gets a third epoch', async () => {
      const { server, log, tail } = await start();
      await server.rollBack();
      await tail.until(({ gaps }) => gaps.length === 1);
      await append(log, 5);
      await tail.until(sees(5));
      // Back to what it was before any node had noticed.
      await server.rollBack();
      await tail.until(({ gaps }) => gaps.length === 2);
      await append(log, 6);
      await tail.until(sees(6));
      const { epoch } = await log.bounds();
      const epochs = tail.gaps.map((gap) => gap.epoch);

      expect(epochs).toEqual([...epochs].sort());
      expect(epochs[1]).toBe(epoch);
      expect(withoutMarks(tail)).toEqual([1, 2, 'lost 3', 'lost 4', 5, 6]);
    });

    it('lets a tail that begins in the new epoch read through the marks of all', async () => {
      const { server, log, tail } = await start();
      await server.rollBack();
      await tail.until(({ gaps }) => gaps.length === 1);
      await append(log, 5);
      await server.save();
      await append(log, 'lost 6');
      await tail.until(sees('lost 6'));
      await server.rollBack();
      await tail.until(({ gaps }) => gaps.length === 2);
      await append(log, 7);
      const { floor } = await log.bounds();
      const fresh = await logs.tail(log, floor);
      await fresh.until(sees(7));

      expect(withoutMarks(fresh)).toEqual([1, 2, 5, 7]);
      expect(fresh.gaps).toEqual([]);
      expect(fresh.entries.length).toBe(6);
    });
  },
);

describe('A RedisLog of which the server has evicted', () => {
  it('the entries is another history', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const tail = await logs.tail(log);
    await append(log, 1);
    await tail.until(sees(1));
    await server.command('DEL', '{sse-hub}');
    const [entry] = await append(log, 2);
    await tail.until(sees(2));

    expect(tail.gaps).toMatchObject([{ epoch: epochOf(entry!.cursor) }]);
    expect(tail.cursors[1]).toBe(entry!.cursor);
    expect(tail.data).toEqual([1, 2]);
  });

  it('what belongs to the entries keeps them, under another epoch', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const tail = await logs.tail(log);
    await log.append([recordOf(1, { idempotencyKey: 'k' })]);
    await tail.until(sees(1));
    await server.command('DEL', '{sse-hub}:meta');
    const [entry] = await log.append([recordOf(2, { idempotencyKey: 'k' })]);
    await tail.until(sees(2));

    expect(tail.gaps).toMatchObject([{ epoch: epochOf(entry!.cursor) }]);
    expect(withoutMarks(tail)).toEqual([1, 2]);
    expect(tail.cursors.at(-1)).toBe(entry!.cursor);
    expect(
      (await retained(log)).filter((one) => typeof one === 'number'),
    ).toEqual([1, 2]);
    expect(await server.command('LLEN', '{sse-hub}:order')).toBe(1);
  });

  it('what belongs to the entries, found out by a node that is new: nothing comes twice', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const tail = await logs.tail(log);
    await append(log, 1, 2, 3);
    await tail.until(sees(3));
    tail.pause();
    await server.command('DEL', '{sse-hub}:meta');
    const other = await logs.open({ url: server.url });
    tail.resume();
    const [entry] = await append(other, 4);
    await tail.until(sees(4));

    expect(withoutMarks(tail)).toEqual([1, 2, 3, 4]);
    expect(tail.gaps).toMatchObject([{ epoch: epochOf(entry!.cursor) }]);
    expect(tail.cursors.at(-1)).toBe(entry!.cursor);
  });

  it('what belongs to no entries: no position is used twice', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const [gone] = await append(log, 1);
    await server.command('XTRIM', '{sse-hub}', 'MAXLEN', '0');
    await server.command('DEL', '{sse-hub}:meta');
    const [entry] = await append(log, 2);

    expect(entry!.cursor > gone!.cursor).toBe(true);
    expect(epochOf(entry!.cursor)).not.toBe(epochOf(gone!.cursor));
  });
});

describe('What is not of a RedisLog', () => {
  it('in a stream that it is to begin with is not touched, but refused', async () => {
    const server = await logs.server();
    await server.command('XADD', '{sse-hub}', '*', 'a', 'b');
    const log = logs.log({ url: server.url });

    await expect(log.open()).rejects.toThrow(
      /entries that are not of this log.*another "stream"/,
    );
    expect(await server.command('XLEN', '{sse-hub}')).toBe(1);
    expect(await server.command('KEYS', '*')).toEqual(['{sse-hub}']);
  });

  it('but says to be, keeps its place and reaches nobody', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const tail = await logs.tail(log);
    await append(log, 1);
    const [[id]] = (await server.command('XRANGE', '{sse-hub}', '-', '+')) as [
      [string],
    ];
    const added = (await server.command(
      'XADD',
      '{sse-hub}',
      '*',
      'at',
      `${id} 9 9`,
      'event',
      '?',
      'data',
      'x',
    )) as string;
    await server.command('HSET', '{sse-hub}:meta', 'last', added);
    await append(log, 2);
    await tail.until(({ entries }) => entries.length === 3);

    expect(tail.gaps).toEqual([]);
    expect(tail.entries[1]).toMatchObject({
      topic: '*hub',
      type: 'hub.unreadable',
    });
  });

  it('among the keys harms no append', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url, maxEvents: 1 });
    await log.append([recordOf(1, { idempotencyKey: 'a' })]);
    await server.command('LPUSH', '{sse-hub}:order', 'junk', '1-x junk');
    await log.append([recordOf(2, { idempotencyKey: 'b' })]);
    await log.append([recordOf(3)]);

    expect(await retained(log)).toEqual([3]);
    expect(await server.command('LLEN', '{sse-hub}:order')).toBe(0);
  });

  it('an id that fits no cursor is said to be none', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    await append(log, 1);
    await server.command('XSETID', '{sse-hub}', '999999999999999-0');

    await expect(append(log, 2)).rejects.toThrow(/fits no cursor.*by hand/);
  });

  it('in its stream is passed over, and said once', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url, maxEvents: 100 });
    const tail = await logs.tail(log);
    await append(log, 1);
    for (let i = 0; i < 30; i++) {
      await server.command('XADD', '{sse-hub}', '*', 'a', 'b');
    }
    await append(log, 2);
    await server.command(
      'XADD',
      '{sse-hub}',
      '*',
      'at',
      'x',
      'event',
      '1',
      'data',
      '2',
    );
    await append(log, 3);
    await tail.until(sees(3));

    expect(tail.data).toEqual([1, 2, 3]);
    expect(tail.gaps).toEqual([]);
    expect(await retained(log)).toEqual([1, 2, 3]);
    expect(log.health()).toEqual({ status: 'up' });
    expect(logs.said).toEqual([
      expect.stringContaining('entries that are not of this log'),
    ]);
  });
});

/** What a tail yielded, without the entries that mark a new epoch, which are for the hub. */
function withoutMarks(tail: TailReader): unknown[] {
  return tail.entries
    .filter(({ topic }) => topic !== '*hub')
    .map(({ data }) => JSON.parse(data) as unknown);
}
