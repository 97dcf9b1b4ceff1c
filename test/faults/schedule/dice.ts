import { seededRandom } from '../../support/random.js';

/** Chance that a seed repeats. */
export class Dice {
  readonly random: () => number;

  constructor(readonly seed: number) {
    this.random = seededRandom(seed);
  }

  /** A number from `least` up to and without `most`. */
  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  /** A whole number from `least` to `most`. */
  integer(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.random() * items.length)]!;
  }

  /** Some of the items, each once. */
  some<Item>(items: readonly Item[], least: number, most: number): Item[] {
    const left = [...items];
    return Array.from(
      { length: Math.min(this.integer(least, most), left.length) },
      () => left.splice(Math.floor(this.random() * left.length), 1)[0]!,
    );
  }

  /** Dice of their own, so that what is thrown meanwhile does not change the sequence. */
  fork(): Dice {
    return new Dice(Math.floor(this.random() * 2 ** 31));
  }
}
