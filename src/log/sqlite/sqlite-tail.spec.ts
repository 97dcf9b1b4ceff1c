import { jest } from '@jest/globals';
import fc from 'fast-check';
import { cursorAt, epochOf } from '../cursor.js';
import type { LogEntry, LogRecord, TailBatch } from '../event-log.js';
import { positionOf } from './entry-row.js';
import type { TailPage } from './open-file.js';
import { SqliteTail } from './sqlite-tail.js';

const at = (position: number, epoch = 'e'): string => cursorAt(epoch, position);

const entryOf = (position: number, data = 'x', epoch?: string): LogEntry => ({
  topic: 'movies',
  type: 'message',
  data,
  time: 0,
  cursor: at(position, epoch),
});

const signalOf = (data: string): LogRecord => ({
  topic: 'movies',
  type: 'message',
  data,
  time: 0,
});

/** A file of which pages are read, and which can be away. */
class File {
  entries: LogEntry[] = [];
  epoch = 'e';
  formerEpoch = '';
  floor = 0;
  isAway = false;
  /** Reads that wait for their turn. */
  readonly turns: (() => void)[] = [];
  readonly pulled = jest.fn();
  readonly returned = jest.fn();

  constructor(private readonly pageSize = 3) {}

  turn(): Promise<void> {
    return new Promise((resolve) => this.turns.push(resolve));
  }

  read(after: string): TailPage | undefined {
    if (this.isAway) {
      return undefined;
    }
    const { epoch } = this;
    const floor = at(this.floor, epoch);
    if (epochOf(after) !== epoch) {
      const position = at(this.parted(after), epoch);
      return { gap: { epoch, floor, position } };
    }
    if (after < floor) {
      return { gap: { epoch, floor, position: floor } };
    }
    const rest = this.entries.filter(
      ({ cursor }) => cursor > after && cursor > floor,
    );
    return {
      entries: rest.slice(0, this.pageSize),
      floor,
      more: rest.length > this.pageSize,
    };
  }

  /** @returns the entries that are new */
  append(count: number, data?: string): LogEntry[] {
    const added = Array.from({ length: count }, (_, i) =>
      entryOf(this.entries.length + 1 + i, data, this.epoch),
    );
    this.entries.push(...added);
    return added;
  }

  /** An older copy is put in its place, of which an epoch begins. */
  replace(most: number): void {
    this.formerEpoch = this.epoch;
    this.epoch += 'e';
    this.entries = this.entries
      .slice(0, most)
      .map((_, i) => entryOf(i + 1, 'x', this.epoch));
  }

  /** Up to where a history, if it was the one before, is this one. */
  parted(after: string): number {
    const position = positionOf(after, this.formerEpoch);
    return Math.min(position, this.entries.length);
  }

  /** Lets those who wait read. */
  async letRead(): Promise<void> {
    for (const turn of this.turns.splice(0)) {
      turn();
    }
    for (let i = 0; i < 5; i++) {
      await Promise.resolve();
    }
  }
}

const positionIn = (cursor: string): number =>
  positionOf(cursor, epochOf(cursor));

/** Goes from entry to entry, and checks that none is left out, comes twice or in another history. */
function followed(batches: readonly TailBatch[]): string {
  let place = at(0);
  for (const batch of batches) {
    if ('gap' in batch) {
      const { epoch, position } = batch.gap;
      expect(epoch).not.toBe(epochOf(place));
      expect(positionIn(position)).toBeLessThanOrEqual(positionIn(place));
      place = position;
      continue;
    }
    for (const record of batch.records) {
      if ('cursor' in record) {
        expect(record.cursor).toBe(at(positionIn(place) + 1, epochOf(place)));
        place = record.cursor;
      }
    }
  }
  return place;
}

/** What a tail yields next; reads that it waits for take place. */
async function pull(file: File, tail: SqliteTail): Promise<TailBatch> {
  const next = tail.next();
  for (let i = 0; i < 3; i++) {
    await file.letRead();
  }
  return (await next).value as TailBatch;
}

const dataOf = (batch: TailBatch): string[] =>
  'gap' in batch ? ['gap'] : batch.records.map(({ data }) => data);

const positionsOf = (batch: TailBatch): (string | undefined)[] =>
  'gap' in batch
    ? ['gap']
    : batch.records.map((record) => (record as LogEntry).cursor);

/** A tail that has read all there was. */
async function live(file: File): Promise<SqliteTail> {
  const tail = new SqliteTail(at(0), file);
  expect(dataOf(await pull(file, tail))).toEqual([]);
  return tail;
}

describe('SqliteTail', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('yields every entry once and in order, whatever happens while it is read', async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('append'),
        count: fc.integer({ min: 0, max: 7 }),
      }),
      fc.record({
        do: fc.constant('replace'),
        most: fc.integer({ min: 0, max: 20 }),
      }),
      fc.record({
        do: fc.constantFrom(
          'deliver',
          'pull',
          'read',
          'away',
          'back',
          'signal',
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const file = new File();
        const tail = new SqliteTail(at(0), file);
        const yielded: TailBatch[] = [];
        let waiting: Promise<void> | undefined;
        let delivered = 0;
        const next = (): void => {
          waiting ??= tail.next().then(({ value }) => {
            waiting = undefined;
            yielded.push(value as TailBatch);
          });
        };
        const deliver = (): void => {
          tail.push(file.entries.slice(delivered), at(0, file.epoch));
          delivered = file.entries.length;
        };
        for (const taken of steps) {
          if ('count' in taken) {
            // In the file before those who tail are told.
            file.append(taken.count);
          } else if ('most' in taken) {
            file.replace(taken.most);
            delivered = file.entries.length;
            tail.readOn();
          } else if (taken.do === 'deliver') {
            deliver();
          } else if (taken.do === 'pull') {
            next();
          } else if (taken.do === 'read') {
            await file.letRead();
          } else if (taken.do === 'signal') {
            tail.signal([signalOf('s')]);
          } else {
            file.isAway = taken.do === 'away';
            if (!file.isAway) {
              tail.readOn();
            }
          }
          await Promise.resolve();
        }
        file.isAway = false;
        deliver();
        tail.readOn();
        const head = at(file.entries.length, file.epoch);
        for (let i = 0; i < 200; i++) {
          // There is always one that came before.
          tail.signal([signalOf('s')]);
          next();
          await file.letRead();
        }

        expect(followed(yielded)).toBe(head);
      }),
    );
  });

  it('begins with pages of the file, then gets what is committed', async () => {
    const file = new File();
    file.append(5);
    const tail = new SqliteTail(at(1), file);

    expect(positionsOf(await pull(file, tail))).toEqual([at(2), at(3), at(4)]);
    expect(positionsOf(await pull(file, tail))).toEqual([at(5)]);
    tail.push(file.append(1), at(0));
    const { value } = await tail.next();
    expect(positionsOf(value as TailBatch)).toEqual([at(6)]);
    expect(file.turns).toHaveLength(0);
  });

  it('takes nothing twice that a page had before it was told of it', async () => {
    const file = new File();
    const tail = await live(file);
    tail.readOn();
    const added = file.append(2);
    expect(positionsOf(await pull(file, tail))).toEqual([at(1), at(2)]);
    tail.push([...added, ...file.append(1)], at(0));

    expect(positionsOf(await pull(file, tail))).toEqual([at(3)]);
  });

  it('yields a gap where the file has trimmed what comes next, and goes on from there', async () => {
    const file = new File();
    file.append(5);
    file.floor = 3;
    const tail = new SqliteTail(at(1), file);

    expect(await pull(file, tail)).toEqual({
      gap: { epoch: 'e', floor: at(3), position: at(3) },
    });
    expect(positionsOf(await pull(file, tail))).toEqual([at(4), at(5)]);
  });

  it('yields what it holds before a gap', async () => {
    const file = new File();
    const tail = await live(file);
    tail.push(file.append(1), at(0));
    file.append(2);
    file.floor = 2;
    tail.readOn();

    expect(positionsOf(await pull(file, tail))).toEqual([at(1)]);
    expect(positionsOf(await pull(file, tail))).toEqual(['gap']);
    expect(positionsOf(await pull(file, tail))).toEqual([at(3)]);
  });

  it('yields all that it holds of a history before the gap to the next one, and then that one', async () => {
    const file = new File();
    const tail = await live(file);
    tail.push(file.append(600), at(0));
    file.replace(598);
    tail.readOn();

    expect(positionsOf(await pull(file, tail)).at(-1)).toBe(at(512));
    tail.signal([signalOf('s')]);
    expect(positionsOf(await pull(file, tail)).at(-2)).toBe(at(600));
    tail.signal([signalOf('s')]);
    file.append(1);
    expect(await pull(file, tail)).toEqual({
      gap: { epoch: 'ee', floor: at(0, 'ee'), position: at(598, 'ee') },
    });
    expect(positionsOf(await pull(file, tail))).toEqual([
      undefined,
      at(599, 'ee'),
    ]);
  });

  it('yields a gap from where it was left when what it held before that was given up', async () => {
    jest.useFakeTimers();
    const file = new File();
    const tail = await live(file);
    tail.push(file.append(600), at(0));
    file.replace(600);
    tail.readOn();
    await pull(file, tail);
    tail.signal([signalOf('x'.repeat(2 * 1024 * 1024))]);
    jest.advanceTimersByTime(60_000);

    expect(await pull(file, tail)).toEqual({
      gap: { epoch: 'ee', floor: at(0, 'ee'), position: at(512, 'ee') },
    });
    expect(positionsOf(await pull(file, tail))[0]).toBe(at(513, 'ee'));
  });

  it('yields the floor when it has moved, and only then', async () => {
    const file = new File();
    const tail = await live(file);
    const next = tail.next();
    tail.push([], at(0));
    tail.push([], at(1));
    tail.push(file.append(1), at(1));

    expect((await next).value).toEqual({ records: [], floor: at(1) });
    expect((await tail.next()).value).toEqual({
      records: [entryOf(1)],
      floor: undefined,
    });
  });

  it('yields no more at once than is soon dispatched', async () => {
    const file = new File();
    const tail = await live(file);
    tail.push(file.append(1_200), at(0));
    const sizes = [];
    for (let i = 0; i < 3; i++) {
      sizes.push(positionsOf(await pull(file, tail)).length);
    }

    expect(sizes).toEqual([512, 512, 176]);
  });

  it('is full past a mebibyte, until it is pulled', async () => {
    const file = new File();
    const tail = await live(file);
    tail.push(file.append(1, 'x'.repeat(1024 * 1024)), at(0));
    expect(tail.isFull).toBe(false);
    tail.push(file.append(1), at(0));
    expect(tail.isFull).toBe(true);
    file.pulled.mockClear();

    await tail.next();
    expect(tail.isFull).toBe(false);
    expect(file.pulled).toHaveBeenCalledTimes(1);
  });

  it('reads no page into what is full', async () => {
    const file = new File();
    const tail = await live(file);
    tail.push(file.append(1_200, 'x'.repeat(2_000)), at(0));
    tail.readOn();
    await tail.next();
    expect(file.turns).toHaveLength(0);
    await tail.next();
    expect(file.turns).toHaveLength(1);
  });

  it('holds nothing for who pulls nothing for a minute, and reads it again for who comes back', async () => {
    jest.useFakeTimers();
    const file = new File(1_000);
    const tail = await live(file);
    tail.push(file.append(600, 'x'.repeat(2_000)), at(0));
    jest.advanceTimersByTime(30_000);
    // Pulled, and full again.
    await tail.next();
    tail.push(file.append(600, 'x'.repeat(2_000)), at(0));
    jest.advanceTimersByTime(59_999);
    expect(tail.isFull).toBe(true);
    file.pulled.mockClear();
    jest.advanceTimersByTime(1);

    expect(tail.isFull).toBe(false);
    expect(file.pulled).toHaveBeenCalledTimes(1);
    expect(positionsOf(await pull(file, tail))[0]).toBe(at(513));
    expect(jest.getTimerCount()).toBe(0);
  });

  it('loses signals rather than hold more of them than of entries', async () => {
    const file = new File();
    const tail = await live(file);
    const large = 'x'.repeat(1024 * 1024);
    tail.signal([signalOf(large)]);
    tail.signal([signalOf('fits')]);
    tail.signal([signalOf('is lost')]);
    tail.push(file.append(1, 'entry'), at(0));

    expect(dataOf(await pull(file, tail))).toEqual([large, 'fits', 'entry']);
  });

  it('holds up no append with signals while it is not told of what is committed', async () => {
    const file = new File();
    const tail = new SqliteTail(at(0), file);
    tail.signal([signalOf('x'.repeat(2 * 1024 * 1024))]);
    expect(tail.isFull).toBe(false);
    tail.end();
  });

  it('gets signals also while the file is away', async () => {
    const file = new File();
    file.isAway = true;
    const tail = new SqliteTail(at(0), file);
    const next = tail.next();
    await file.letRead();
    tail.signal([signalOf('s')]);

    expect(dataOf((await next).value as TailBatch)).toEqual(['s']);
  });

  it('ends after what it holds, and for who waits', async () => {
    const file = new File();
    const tail = await live(file);
    tail.push(file.append(1), at(0));
    tail.end();
    expect((await tail.next()).done).toBe(false);
    expect(await tail.next()).toEqual({ done: true, value: undefined });

    const other = await live(new File());
    const next = other.next();
    other.end();
    expect((await next).done).toBe(true);
  });

  it('says when it is left, and yields nothing afterwards', async () => {
    const file = new File();
    const tail = await live(file);
    tail.push(file.append(1), at(0));
    for await (const batch of tail) {
      expect(positionsOf(batch)).toEqual([at(1)]);
      tail.push(file.append(1), at(0));
      break;
    }

    expect(file.returned).toHaveBeenCalledTimes(1);
    expect((await tail.next()).done).toBe(true);
  });

  it('that ends while it reads yields nothing of the page', async () => {
    const file = new File();
    file.append(1);
    const tail = new SqliteTail(at(0), file);
    const next = tail.next();
    tail.end();
    await file.letRead();

    expect((await next).done).toBe(true);
    expect((await tail.next()).done).toBe(true);
  });
});
