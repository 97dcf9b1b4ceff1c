import type { Observable } from 'rxjs';

const listens = new WeakSet<object>();

/** Marks an observable as one for server code. */
export function markListen<T>(observable: Observable<T>): Observable<T> {
  listens.add(observable);
  return observable;
}

/** Whether an observable, or what it was piped from, is one for server code. */
export function isListen(observable: object): boolean {
  for (
    let source: { source?: object } | undefined = observable;
    source !== undefined;
    source = source.source
  ) {
    if (listens.has(source)) {
      return true;
    }
  }
  return false;
}
