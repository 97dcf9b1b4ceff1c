/** Held by one at a time, in the order in which it is asked for. */
export class Baton {
  private isHeld = false;
  private readonly waiting: (() => void)[] = [];

  /** Resolves when the caller holds it, and keeps it until it passes it on. */
  async take(): Promise<void> {
    if (this.isHeld) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.isHeld = true;
  }

  pass(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.isHeld = false;
  }
}
