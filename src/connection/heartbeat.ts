/** What a heartbeat sees and does of one open response. Times are in milliseconds. */
export interface Beating {
  /** Whether the client has not taken yet what was written. */
  readonly blocked: boolean;
  /** Whether its head was written, and a stream is to follow or has to leave still. */
  readonly beats: boolean;
  /** Since when the client has taken nothing of what waits. */
  stalledSince(now: number): number;
  readonly lastWriteAt: number;
  readonly lastCheckpointAt: number;
  /** Moves the client's cursor, if there is something to tell. */
  checkpoint(now: number): boolean;
  /** Sends a comment. */
  beat(): void;
  cut(reason: string): void;
}

/** Sweeps in one heartbeat: a stream is quiet for at most 1¼ heartbeats. */
const SWEEPS = 4;

/**
 * One timer for all open responses: it keeps quiet streams open, moves the cursors of
 * clients whose streams the hub had nothing for, and cuts clients that take nothing.
 */
export class Heartbeat {
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param interval the longest silence on a stream, about, in milliseconds
   * @param stallTimeout how long a client may take nothing, in milliseconds
   */
  constructor(
    private readonly responses: ReadonlySet<Beating>,
    private readonly interval: number,
    private readonly stallTimeout: number,
    private readonly now: () => number,
  ) {}

  /** Runs while there are responses. */
  update(): void {
    if (this.responses.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else {
      this.#timer ??= setInterval(
        () => this.#sweep(),
        this.interval / SWEEPS,
      ).unref();
    }
  }

  #sweep(): void {
    const now = this.now();
    for (const response of this.responses) {
      if (!response.beats) {
        continue;
      }
      if (response.blocked) {
        if (now - response.stalledSince(now) >= this.stallTimeout) {
          response.cut('stalled');
        }
        continue;
      }
      const quiet = now - response.lastWriteAt;
      const isDue = now - response.lastCheckpointAt >= this.interval;
      if (!(isDue && response.checkpoint(now)) && quiet >= this.interval) {
        response.beat();
      }
    }
  }
}
