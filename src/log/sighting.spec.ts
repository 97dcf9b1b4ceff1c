import fc from 'fast-check';
import { Sighting } from './sighting.js';

const MAX_AGE = 100;

/** A log that goes by a clock, and looks at it whenever something happens. */
class Aging {
  entries: { readonly position: number; readonly time: number }[] = [];
  now = 1_000_000;
  #head = 0;
  readonly #sighting = new Sighting<number>();

  append(ahead = 0): void {
    this.entries.push({ position: ++this.#head, time: this.now + ahead });
    if (ahead > 0) {
      this.#sighting.note(this.#head, this.now);
    }
    this.look();
  }

  move(by: number): void {
    this.now += by;
    this.look();
  }

  look(): void {
    while (this.entries.length > 0 && this.#age() >= MAX_AGE) {
      this.entries.shift();
    }
  }

  #age(): number {
    const { position, time } = this.entries[0]!;
    const { now } = this;
    return now - this.#sighting.timeOf(position, time, this.#head, now);
  }
}

describe('Sighting', () => {
  it('lets nothing stay longer when the clock was right again, however it was set before', () => {
    const step = fc.option(fc.integer({ min: -1_000, max: 1_000 }));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const log = new Aging();
        for (const by of steps) {
          if (by === null) {
            log.append();
          } else {
            log.move(by);
          }
        }
        log.move(MAX_AGE);

        expect(log.entries).toEqual([]);
      }),
    );
  });

  it('lets everything stay for as long as it may when the clock is only set back', () => {
    const step = fc.option(fc.integer({ min: -1_000, max: 20 }));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const log = new Aging();
        let trueTime = 0;
        const added: number[] = [];
        for (const by of steps) {
          if (by === null) {
            log.append();
            added.push(trueTime);
          } else {
            log.move(by);
            trueTime += Math.max(by, 0);
          }
          const young = added.filter((time) => trueTime - time < MAX_AGE);
          expect(log.entries.length).toBeGreaterThanOrEqual(young.length);
        }
      }),
    );
  });

  it('lets none stay longer that says a later time than it is', () => {
    const ahead = fc.integer({ min: -50, max: 1_000 });
    const step = fc.tuple(fc.nat(20), ahead);
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const log = new Aging();
        const added: number[] = [];
        for (const [by, later] of steps) {
          log.move(by);
          log.append(later);
          added.push(log.now);
          const young = added.filter((time) => log.now - time < MAX_AGE);
          expect(log.entries.length).toBeLessThanOrEqual(young.length);
        }
      }),
    );
  });

  it('takes an entry for as old as it says that it is', () => {
    const log = new Aging();
    log.append(-MAX_AGE + 1);
    expect(log.entries).toHaveLength(1);
    log.move(1);
    expect(log.entries).toEqual([]);
  });
});
