/** Time from publish to delivery, taken on a few of the connections to keep the load client light. */
export class Latencies {
  private readonly samples: number[] = [];
  private publishedAt = 0;

  publishing(): void {
    this.publishedAt = performance.now();
  }

  sample(): void {
    this.samples.push(performance.now() - this.publishedAt);
  }

  /** In milliseconds. */
  percentile(share: number): number {
    const sorted = this.samples.toSorted((a, b) => a - b);
    return (
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ??
      0
    );
  }
}
