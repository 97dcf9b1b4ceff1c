import type { ControlEntry } from '../hub/control-entry.js';

/** How much is remembered; a request that took longer than that to open has to come again. */
const KEPT = { entries: 10_000, milliseconds: 10 * 60_000 } as const;

/**
 * The hub's own entries that this node has met lately, for connections that open after
 * them although their request arrived before.
 */
export class RecentControlEntries {
  #entries: { readonly entry: ControlEntry; readonly at: number }[] = [];
  #forgotten = 0;

  /**
   * @param now the time in milliseconds
   */
  constructor(
    private readonly now: () => number,
    private readonly kept: Record<keyof typeof KEPT, number> = KEPT,
  ) {}

  /** How many there have been: a request that arrives now is marked with it. */
  get count(): number {
    return this.#forgotten + this.#entries.length;
  }

  add(entry: ControlEntry): void {
    this.#entries.push({ entry, at: this.now() });
    this.#forget();
  }

  /** Those after a mark, oldest first; `undefined` when some of them are forgotten. */
  since(mark: number): readonly ControlEntry[] | undefined {
    if (mark >= this.count) {
      return [];
    }
    this.#forget();
    return mark < this.#forgotten
      ? undefined
      : this.#entries.slice(mark - this.#forgotten).map(({ entry }) => entry);
  }

  /** Some have gone by that nobody knows: for who arrived before, it cannot be said which there were. */
  missed(): void {
    this.#forgotten = this.count + 1;
    this.#entries = [];
  }

  #forget(): void {
    const oldest = this.now() - this.kept.milliseconds;
    const excess = this.#entries.length - this.kept.entries;
    const young = this.#entries.findIndex(
      ({ at }, index) => index >= excess && at > oldest,
    );
    const gone = young < 0 ? this.#entries.length : young;
    if (gone > 0) {
      this.#entries = this.#entries.slice(gone);
      this.#forgotten += gone;
    }
  }
}
