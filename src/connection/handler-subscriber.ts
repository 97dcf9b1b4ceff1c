import { Observable, Subscriber } from 'rxjs';

/** Who takes what a handler emits. */
export interface HandlerSink {
  emit(value: unknown): void;
  failed(error: unknown): void;
  complete(): void;
}

/**
 * Subscribes to what a handler returned. A subscriber of its own spares each event the two
 * calls that RxJS adds for an observer.
 */
export class HandlerSubscriber extends Subscriber<unknown> {
  constructor(private readonly sink: HandlerSink) {
    super();
  }

  protected override _next(value: unknown): void {
    this.sink.emit(value);
  }

  protected override _error(error: unknown): void {
    this.sink.failed(error);
    this.unsubscribe();
  }

  protected override _complete(): void {
    this.sink.complete();
    this.unsubscribe();
  }
}

/** The same stream; calls back when it has been subscribed to. */
export function whenSubscribed(
  stream: Observable<unknown>,
  callback: () => void,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const subscription = stream.subscribe(subscriber);
    callback();
    return subscription;
  });
}
