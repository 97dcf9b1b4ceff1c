import { setFlagsFromString } from 'node:v8';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { cursorAt } from './cursor.js';
import { RetainedSequence } from './retained-sequence.js';
import type { RetentionLimits } from './retained-sequence.js';

const at = (position: number): string => cursorAt('e', position);

interface ModelItem {
  readonly position: number;
  readonly bytes: number;
}

/** The same promises, kept in the plainest way. */
class Model {
  items: ModelItem[] = [];
  floor = 0;

  constructor(private readonly limits: RetentionLimits) {}

  push(item: ModelItem): void {
    this.items = [...this.items, item];
    while (
      this.items.length > this.limits.events ||
      (this.bytes > this.limits.bytes && this.items.length > 1)
    ) {
      this.drop();
    }
  }

  drop(): void {
    const [first, ...rest] = this.items;
    if (first !== undefined) {
      this.floor = first.position;
      this.items = rest;
    }
  }

  dropThrough(position: number): void {
    this.items
      .filter((item) => item.position <= position)
      .forEach(() => this.drop());
    if (this.items.length === 0) {
      this.floor = Math.max(this.floor, position);
    }
  }

  get bytes(): number {
    return this.items.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get head(): number {
    return this.items.at(-1)?.position ?? this.floor;
  }

  after(position: number, limit: RetentionLimits): number[] {
    return withinLimit(
      this.items.filter((item) => item.position > position),
      limit,
    );
  }

  before(position: number, limit: RetentionLimits): number[] {
    const earlier = this.items.filter((item) => item.position <= position);
    return withinLimit(earlier.reverse(), limit).reverse();
  }
}

/** The positions of the first items that fit, and of the first in any case. */
function withinLimit(items: ModelItem[], limit: RetentionLimits): number[] {
  let count = 0;
  for (let bytes = 0; count < items.length; count++) {
    bytes += items[count]!.bytes;
    if (count > 0 && (count >= limit.events || bytes > limit.bytes)) {
      break;
    }
  }
  return items.slice(0, count).map((item) => item.position);
}

class Push implements fc.Command<Model, RetainedSequence<number>> {
  constructor(
    private readonly step: number,
    private readonly bytes: number,
  ) {}

  check = () => true;

  run(model: Model, real: RetainedSequence<number>): void {
    const position = model.head + this.step;
    model.push({ position, bytes: this.bytes });
    real.push(at(position), position, this.bytes);
  }

  toString = () => `push(+${this.step}, ${this.bytes} bytes)`;
}

class Drop implements fc.Command<Model, RetainedSequence<number>> {
  check = () => true;

  run(model: Model, real: RetainedSequence<number>): void {
    model.drop();
    real.dropOldest();
  }

  toString = () => 'dropOldest()';
}

class DropThrough implements fc.Command<Model, RetainedSequence<number>> {
  constructor(private readonly distance: number) {}

  check = () => true;

  run(model: Model, real: RetainedSequence<number>): void {
    const position = Math.max(0, model.floor + this.distance);
    model.dropThrough(position);
    real.dropThrough(at(position));
  }

  toString = () => `dropThrough(floor + ${this.distance})`;
}

class Check implements fc.Command<Model, RetainedSequence<number>> {
  constructor(
    private readonly distance: number,
    private readonly limit: RetentionLimits,
  ) {}

  check = () => true;

  run(model: Model, real: RetainedSequence<number>): void {
    const position = Math.max(0, model.floor + this.distance);
    expect(real.size).toBe(model.items.length);
    expect(real.bytes).toBe(model.bytes);
    expect(real.floor).toBe(at(model.floor));
    expect(real.head).toBe(at(model.head));
    expect(real.oldest).toBe(model.items[0]?.position);
    expect([...real.newestFirst()]).toEqual(
      model.items.map((item) => item.position).reverse(),
    );
    expect(real.covers(at(position))).toBe(position >= model.floor);
    expect(real.has(at(position))).toBe(
      model.items.some((item) => item.position === position),
    );
    expect(real.after(at(position), this.limit)).toEqual(
      model.after(position, this.limit),
    );
    expect(real.before(at(position), this.limit)).toEqual(
      model.before(position, this.limit),
    );
  }

  toString = () => `check(floor + ${this.distance})`;
}

describe('RetainedSequence', () => {
  it('holds what an array would that forgets its oldest past the limits', () => {
    const bytes = fc.nat(20);
    fc.assert(
      fc.property(
        fc.record({ events: fc.integer({ min: 1, max: 8 }), bytes }),
        fc.commands(
          [
            fc
              .tuple(fc.integer({ min: 1, max: 3 }), bytes)
              .map(([step, size]) => new Push(step, size)),
            fc.constant(new Drop()),
            fc
              .integer({ min: -3, max: 6 })
              .map((distance) => new DropThrough(distance)),
            fc
              .tuple(
                fc.integer({ min: -2, max: 12 }),
                fc.record({ events: fc.integer({ min: 1, max: 5 }), bytes }),
              )
              .map(([distance, limit]) => new Check(distance, limit)),
          ],
          { size: '+1' },
        ),
        (limits, commands) => {
          fc.modelRun(
            () => ({
              model: new Model(limits),
              real: new RetainedSequence<number>(limits, at(0)),
            }),
            commands,
          );
        },
      ),
    );
  });

  it('tells of every item that it drops, once and in order', () => {
    const dropped: number[] = [];
    const sequence = new RetainedSequence<number>(
      { events: 2, bytes: 100 },
      at(0),
      (item) => dropped.push(item),
    );
    for (let n = 1; n <= 4; n++) {
      sequence.push(at(n), n, 1);
    }
    sequence.dropOldest();
    sequence.dropThrough(at(4));
    sequence.dropOldest();

    expect(dropped).toEqual([1, 2, 3, 4]);
  });

  it('keeps the newest item even if it alone is larger than the limit', () => {
    const sequence = new RetainedSequence<string>(
      { events: 5, bytes: 10 },
      at(0),
    );
    sequence.push(at(1), 'small', 5);
    sequence.push(at(2), 'large', 50);

    expect([...sequence.newestFirst()]).toEqual(['large']);
    expect(sequence.floor).toBe(at(1));
  });

  it('stays exact when many thousands of items have gone through it', () => {
    const sequence = new RetainedSequence<number>(
      { events: 1_500, bytes: Infinity },
      at(0),
    );
    for (let n = 1; n <= 10_000; n++) {
      sequence.push(at(n), n, 1);
    }

    expect(sequence.size).toBe(1_500);
    expect(sequence.bytes).toBe(1_500);
    expect(sequence.floor).toBe(at(8_500));
    expect(sequence.oldest).toBe(8_501);
    expect(sequence.after(at(9_997), { events: 9, bytes: 9 })).toEqual([
      9_998, 9_999, 10_000,
    ]);
    expect(sequence.after(at(0), { events: 2, bytes: 9 })).toEqual([
      8_501, 8_502,
    ]);
  });

  it('never moves its floor down', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30)), (drops) => {
        const sequence = new RetainedSequence<number>(
          { events: 5, bytes: 100 },
          at(0),
        );
        let position = 0;
        let floor = sequence.floor;
        for (const drop of drops) {
          position = Math.max(position, drop) + 1;
          sequence.push(at(position), position, 1);
          sequence.dropThrough(at(drop));
          expect(sequence.floor >= floor).toBe(true);
          ({ floor } = sequence);
        }
      }),
    );
  });

  it('does not hold in memory what it has dropped', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const sequence = new RetainedSequence<object>(
      { events: 2, bytes: 100 },
      at(0),
    );
    const references = [1, 2, 3, 4].map((n) => {
      const item = { n };
      sequence.push(at(n), item, 1);
      return new WeakRef(item);
    });
    await nextTurn();
    collectGarbage();

    expect(references.map((reference) => reference.deref()?.n)).toEqual([
      undefined,
      undefined,
      3,
      4,
    ]);
  });
});
