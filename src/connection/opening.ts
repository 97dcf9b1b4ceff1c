import type { Frame } from './frame.js';
import { Outcome } from './outcome.js';
import type { Platform, Taker } from './platform.js';

/** Whose head is to be written. */
export interface Opened extends Taker {
  /** Whether the hub stream, if there is one, is authorized and knows where it starts. */
  readonly isReady: boolean;
}

/**
 * A response until its head is written: Nest waits for the handler and its stream to
 * settle, because an exception until then is the request's.
 */
export class Opening {
  /** The handler was called, so it tells itself when it has settled. */
  handlerRuns = false;
  /** How the stream ends right behind the head. */
  endsWith: { readonly reason: string; readonly frame?: Frame } | undefined;
  /** What Nest waits for. */
  readonly outcome = new Outcome();
  #begun = false;
  #settled = false;
  #heading = false;

  constructor(
    private readonly platform: Platform,
    private readonly response: Opened,
  ) {}

  /** Whether an exception can still be the request's. */
  get isWaiting(): boolean {
    return !this.#heading && this.endsWith === undefined;
  }

  /** Whether Nest has answered meanwhile. */
  get isAnswered(): boolean {
    return this.platform.isAnswered;
  }

  /** Nest has got as far as to the handler. */
  begin(): void {
    this.#begun = true;
  }

  /** The handler has returned, and what it returned is subscribed to. */
  settle(): void {
    this.#settled = true;
    this.progress();
  }

  /** Whoever emits without the handler having run (an interceptor) has settled. */
  emitted(): void {
    if (!this.#settled && !this.handlerRuns) {
      this.settle();
    }
  }

  /** Takes the response over if nothing is left to wait for. */
  progress(): void {
    if (
      !this.#heading &&
      this.#begun &&
      this.#settled &&
      this.response.isReady
    ) {
      this.#heading = true;
      // Nest cannot have answered before it has begun to wait.
      if (this.outcome.isAwaited && this.isAnswered) {
        this.response.giveUp('abandoned');
      } else {
        this.platform.takeOver(this.response);
      }
    }
  }

  /** Nest gave up waiting, as for a `timeout` interceptor. */
  abandon(): void {
    if (!this.#heading) {
      this.response.giveUp('abandoned');
    }
  }
}
