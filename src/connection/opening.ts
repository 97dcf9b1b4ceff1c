import type { Subscriber } from 'rxjs';
import type { Frame } from './frame.js';
import type { TakeOver } from './platform.js';
import type { RawResponse } from './raw-response.js';

/** What an opening asks of its response. */
export interface OpeningSteps {
  /** Whether the hub stream, if there is one, is authorized and knows where it starts. */
  isReady(): boolean;
  /** The response is ours: write the head. */
  open(raw: RawResponse): void;
  giveUp(reason: string): void;
}

/**
 * A response until its head is written: Nest's pipeline waits for the handler and its
 * stream to settle, because an exception until then is the request's.
 */
export class Opening {
  /** The handler was called, so it tells itself when it has settled. */
  handlerRuns = false;
  /** How the stream ends right behind the head. */
  endsWith: { readonly reason: string; readonly frame?: Frame } | undefined;
  #pipeline: Subscriber<undefined> | undefined;
  #takeOver: TakeOver | undefined;
  #settled = false;
  #heading = false;

  constructor(private readonly steps: OpeningSteps) {}

  /** Whether an exception can still be the request's. */
  get isWaiting(): boolean {
    return !this.#heading && this.endsWith === undefined;
  }

  /** Nest's pipeline has subscribed to our observable. */
  begin(pipeline: Subscriber<undefined>, takeOver: TakeOver): void {
    this.#pipeline = pipeline;
    this.#takeOver = takeOver;
    pipeline.add(() => {
      if (!this.#heading) {
        this.steps.giveUp('abandoned');
      }
    });
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
      this.#takeOver !== undefined &&
      this.#settled &&
      this.steps.isReady()
    ) {
      this.#heading = true;
      this.#takeOver(
        (raw) => this.steps.open(raw),
        () => this.steps.giveUp('head-failed'),
      );
    }
  }

  /** Lets the pipeline end; its reply does nothing any more. */
  finish(): void {
    const pipeline = this.#pipeline;
    this.#pipeline = undefined;
    pipeline?.next(undefined);
    pipeline?.complete();
  }

  /** Gives an exception to the pipeline, and so to the exception filters. */
  fail(error: unknown): void {
    const pipeline = this.#pipeline;
    this.#pipeline = undefined;
    pipeline?.error(error);
  }
}
