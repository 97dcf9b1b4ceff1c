/** What was done to the engine that clients have to be told. */
export class Losses {
  /** When a history was lost, in milliseconds since the Unix epoch. */
  readonly histories: number[] = [];
  /** The highest cursors that were trimmed. */
  readonly floors: string[] = [];

  /** Say it before it is done. */
  loseHistory(): void {
    this.histories.push(Date.now());
  }

  /** Say it before it is done: everything up to this cursor goes. */
  trim(floor: string): void {
    this.floors.push(floor);
  }
}
