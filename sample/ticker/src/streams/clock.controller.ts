import { Controller } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import { Sse } from 'nestjs-sse-hub';
import type { Observable } from 'rxjs';
import { concat, map, of, timer } from 'rxjs';

@Controller()
export class ClockController {
  /** A greeting without a name, which `onmessage` gets, then the time as `currentTime`. */
  @Sse('clock')
  clock(): Observable<MessageEvent> {
    return concat(
      of({ data: 'hello from stream' }),
      timer(0, 1_000).pipe(
        map(() => ({ type: 'currentTime', data: new Date().toISOString() })),
      ),
    );
  }
}
