/** What was done to the engine that clients have to be told. */
export class Losses {
  /** When a history was lost, in milliseconds since the Unix epoch. */
  readonly histories: number[] = [];
  /** The histories that have lost their newest entries, and when. */
  readonly tails: { readonly epoch: string; readonly time: number }[] = [];
  /** The highest cursors that were trimmed. */
  readonly floors: string[] = [];

  /** Say it before it is done. */
  loseHistory(): void {
    this.histories.push(Date.now());
  }

  /** Say it before it is done: a history goes back to an earlier state of its. */
  loseTail(epoch: string): void {
    this.tails.push({ epoch, time: Date.now() });
    this.loseHistory();
  }

  /** Say it before it is done: everything up to this cursor goes. */
  trim(floor: string): void {
    this.floors.push(floor);
  }
}
