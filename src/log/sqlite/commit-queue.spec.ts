import fc from 'fast-check';
import { cursorAt } from '../cursor.js';
import type { LogRecord } from '../event-log.js';
import { CommitQueue } from './commit-queue.js';
import type { StoredRow } from './writer/messages.js';

const recordOf = (data: string, idempotencyKey?: string): LogRecord => ({
  topic: 'movies',
  type: 'message',
  data,
  time: 1,
  idempotencyKey,
});

/** What a file does with rows that have no keys. */
function appended(count: number, head: number) {
  const positions = Array.from({ length: count }, (_, i) => head + i + 1);
  const state = { floor: 0, head: head + count, oldest: 1, overfull: false };
  return { positions, earlier: [] as StoredRow[], state };
}

describe('CommitQueue', () => {
  it('hands each append its own entries, in order, however they share commits', async () => {
    const appends = fc.array(
      fc.array(fc.string({ maxLength: 400 }), { maxLength: 5 }),
      { minLength: 1, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(
        appends,
        fc.integer({ min: 1, max: 3_000 }),
        async (given, most) => {
          const queue = new CommitQueue();
          const results = given.map((data) =>
            queue.add(data.map((one) => recordOf(one))),
          );
          let head = 0;
          while (!queue.isEmpty) {
            const batch = queue.take(most);
            const { rows } = batch;
            const result = appended(rows.length, head);
            head += rows.length;
            const { all, added } = batch.entriesOf(result, 'e');
            expect(added).toEqual(all);
            batch.resolve(all);
          }
          const entries = await Promise.all(results);

          expect(entries.map((some) => some.map(({ data }) => data))).toEqual(
            given,
          );
          expect(entries.flat().map(({ cursor }) => cursor)).toEqual(
            entries.flat().map((_, i) => cursorAt('e', i + 1)),
          );
        },
      ),
    );
  });

  it('takes as many appends as fit, and one that is larger than that alone', async () => {
    const queue = new CommitQueue();
    const sizes = [100, 100, 5_000, 100];
    const waiting = sizes.map((size) =>
      queue.add([recordOf('x'.repeat(size))]),
    );
    const taken: number[] = [];
    while (!queue.isEmpty) {
      const batch = queue.take(1_000);
      taken.push(batch.rows.length);
      batch.reject(new Error('no file'));
    }

    expect(taken).toEqual([2, 1, 1]);
    const settled = await Promise.allSettled(waiting);
    expect(settled.map(({ status }) => status)).toEqual(
      sizes.map(() => 'rejected'),
    );
  });

  it('fills a commit with many small records, too', () => {
    const queue = new CommitQueue();
    for (let i = 0; i < 100; i++) {
      queue.add([recordOf('')]).catch(() => undefined);
    }

    expect(queue.take(10 * 256).rows).toHaveLength(10);
  });

  it('keeps the records of an append together', () => {
    const queue = new CommitQueue();
    const records = Array.from({ length: 50 }, () => recordOf('x'));
    queue.add(records).catch(() => undefined);
    queue.add([recordOf('y')]).catch(() => undefined);

    expect(queue.take(1).rows).toHaveLength(50);
  });

  it('gives an entry that was there, or that came first in the commit, to all with its key', async () => {
    const queue = new CommitQueue();
    const results = [
      queue.add([recordOf('a', 'k'), recordOf('b', 'new')]),
      queue.add([recordOf('c', 'new')]),
    ];
    const batch = queue.take(10_000);
    const earlier = { ...batch.rows[0]!, data: 'first', position: 3 };
    const { all, added } = batch.entriesOf(
      { ...appended(0, 8), positions: [3, 9, 9], earlier: [earlier] },
      'e',
    );
    batch.resolve(all);

    expect(added.map(({ data }) => data)).toEqual(['b']);
    expect(
      (await Promise.all(results)).map((some) =>
        some.map(({ data, cursor }) => [data, cursor]),
      ),
    ).toEqual([
      [
        ['first', cursorAt('e', 3)],
        ['b', cursorAt('e', 9)],
      ],
      [['b', cursorAt('e', 9)]],
    ]);
  });
});
