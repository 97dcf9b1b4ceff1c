import { Injectable, type MessageEvent } from '@nestjs/common';
import {
  BehaviorSubject,
  type Observable,
  auditTime,
  defer,
  finalize,
  map,
  share,
} from 'rxjs';

/** Counts who is watching, and tells everybody who is. */
@Injectable()
export class Watchers {
  private readonly count = new BehaviorSubject(0);

  // A hundred pages that come back at once make one event, not a hundred.
  private readonly events = this.count.pipe(
    auditTime(100),
    map((count): MessageEvent => ({ type: 'watching', data: { count } })),
    share(),
  );

  watch(): Observable<MessageEvent> {
    return defer(() => {
      this.count.next(this.count.value + 1);
      return this.events;
    }).pipe(finalize(() => this.count.next(this.count.value - 1)));
  }
}
