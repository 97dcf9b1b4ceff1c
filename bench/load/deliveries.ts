/** Waits for the events that were published, and gives up when none has come for a while. */
export class Deliveries {
  private received = 0;
  private expected = 0;
  private done: (() => void) | undefined;

  /** @param patience milliseconds without any delivery after which the rest counts as missing */
  constructor(private readonly patience = 10_000) {}

  get missing(): number {
    return this.expected - this.received;
  }

  expect(count: number): void {
    this.expected += count;
  }

  arrived(): void {
    this.received++;
    if (this.received >= this.expected) this.done?.();
  }

  /** Resolves when everything expected has come, or nothing has for too long: see {@link missing}. */
  async settled(): Promise<void> {
    if (this.missing <= 0) return;
    let before = this.received;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.done = resolve;
      timer = setInterval(() => {
        if (this.received === before) resolve();
        before = this.received;
      }, this.patience);
    });
    clearInterval(timer);
    this.done = undefined;
  }
}
