interface Mark<Position> {
  readonly through: Position;
  readonly at: number;
}

/**
 * When entries were there at the latest. Each says itself when it was published; where the clock was ahead then, it
 * would stay for too long, and all that lies behind it.
 */
export class Sighting<Position extends number | string> {
  /** What was there at a time; a later one reaches further. */
  readonly #marks: Mark<Position>[] = [];
  #last = Infinity;

  /** What was appended just now says that it is of a later time. */
  note(head: Position, now: number): void {
    while (this.#marks.length > 0 && this.#marks.at(-1)!.at >= now) {
      this.#marks.pop();
    }
    this.#marks.push({ through: head, at: now });
  }

  /**
   * When the oldest entry was published, or was there; all is there now when the clock was set back.
   *
   * @param time that it says
   * @param head of the log
   */
  timeOf(oldest: Position, time: number, head: Position, now: number): number {
    if (now < this.#last) {
      this.note(head, now);
    }
    this.#last = now;
    while (this.#marks.length > 0 && this.#marks[0]!.through < oldest) {
      this.#marks.shift();
    }
    return Math.min(time, this.#marks[0]?.at ?? Infinity);
  }
}
