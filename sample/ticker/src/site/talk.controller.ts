import { Controller } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import { Sse } from 'nestjs-sse-hub';
import type { Observable } from 'rxjs';
import { map, timer } from 'rxjs';

const EVERY = 5_000;

@Controller()
export class TalkController {
  /**
   * A message at once and then every five seconds. It is no stream of the hub: the ids are the
   * app's own, and what a client missed is not sent again.
   */
  @Sse('talk')
  talk(): Observable<MessageEvent> {
    return timer(0, EVERY).pipe(
      map(() => {
        const time = new Date().toISOString();
        return { id: time, data: `It is ${time}` };
      }),
    );
  }
}
