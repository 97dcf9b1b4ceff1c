import { Observable, Subscriber, Subscription } from 'rxjs';

/** Who takes what a handler emits. */
export interface HandlerSink {
  emit(value: unknown): void;
  fail(error: unknown): void;
  complete(): void;
}

/** The subscription to what a handler returned, directly or through a method's interceptors. */
export class HandlerStream {
  #subscription: Subscription | undefined;
  #stopped = false;
  /** Whether interceptors stand between the handler and us. */
  isPiped = false;

  constructor(private readonly sink: HandlerSink) {}

  /** Takes what comes out of the interceptors, and so starts them. */
  pipe(pipelineResult: Observable<unknown>): void {
    this.isPiped = true;
    this.subscribe(pipelineResult);
  }

  /** What the interceptors get of the handler's stream. */
  handOn(
    stream: Observable<unknown>,
    onSubscribed: () => void,
  ): Observable<unknown> {
    return new Observable((subscriber) => {
      const subscription = stream.subscribe(subscriber);
      onSubscribed();
      return subscription;
    });
  }

  subscribe(stream: Observable<unknown>): void {
    const subscriber = new SinkSubscriber(this.sink);
    this.#subscription = subscriber;
    stream.subscribe(subscriber);
    if (this.#stopped) {
      subscriber.unsubscribe();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#subscription?.unsubscribe();
  }
}

/** A subscriber of its own spares each event two calls of the one that RxJS makes of an observer. */
class SinkSubscriber extends Subscriber<unknown> {
  constructor(private readonly sink: HandlerSink) {
    super();
  }

  protected override _next(value: unknown): void {
    this.sink.emit(value);
  }

  protected override _error(error: unknown): void {
    this.sink.fail(error);
    this.unsubscribe();
  }

  protected override _complete(): void {
    this.sink.complete();
    this.unsubscribe();
  }
}
