import { Observable, Subscription } from 'rxjs';

/** Who takes what a handler emits. */
export interface HandlerSink {
  emit(value: unknown): void;
  fail(error: unknown): void;
  complete(): void;
  /** What the handler returned is subscribed to. */
  settle(): void;
}

/** The subscription to what a handler returned, directly or through Nest's pipeline. */
export class HandlerStream {
  readonly #subscription = new Subscription();
  #seesEvents = false;

  constructor(private readonly sink: HandlerSink) {}

  /**
   * Starts the pipeline, and so the handler.
   *
   * @param seesEvents whether an interceptor stands between us and the handler, and so
   * what the handler emits comes out of the pipeline. Otherwise the handler's stream is
   * given to `run`, and nothing of the pipeline is kept.
   */
  start(pipelineResult: Observable<unknown>, seesEvents: boolean): void {
    this.#seesEvents = seesEvents;
    if (seesEvents) {
      this.#subscribe(pipelineResult);
    } else {
      this.#subscription.add(
        pipelineResult.subscribe({
          error: (error: unknown) => this.sink.fail(error),
        }),
      );
    }
  }

  /**
   * Takes what the handler returned.
   * @returns what the pipeline gets of it. Not an observable if it need not be: Nest would
   * watch the client's connection for one.
   */
  run(stream: Observable<unknown>): Observable<unknown> | undefined {
    if (this.#subscription.closed) {
      // The client left, or the pipeline gave up, while the handler worked.
      return undefined;
    }
    if (this.#seesEvents) {
      return new Observable((subscriber) => {
        const subscription = stream.subscribe(subscriber);
        this.sink.settle();
        return subscription;
      });
    }
    this.#subscribe(stream);
    this.sink.settle();
    return undefined;
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  #subscribe(stream: Observable<unknown>): void {
    this.#subscription.add(
      stream.subscribe({
        next: (value) => this.sink.emit(value),
        error: (error: unknown) => this.sink.fail(error),
        complete: () => this.sink.complete(),
      }),
    );
  }
}
