import { Controller, Req } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import type { Request } from 'express';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import type { Observable } from 'rxjs';
import { map, merge, of, timer } from 'rxjs';

@Controller()
export class UpdatesController {
  constructor(private readonly hub: EventHub) {}

  /**
   * The counter that all clients share, from the hub, beside one of this connection. The timer
   * of a connection ends with its observable: when the client is gone, it is gone.
   */
  @Sse('updates')
  updates(
    @Connection() connection: SseConnection,
    @Req() request: Request,
  ): Observable<MessageEvent> {
    const visitor = request.cookies.visitor as string | undefined;
    return merge(
      of({ type: 'visitor', data: visitor ?? 'nobody' }),
      this.hub.stream({ topics: ['counter'], rewind: 1, for: connection }),
      timer(0, 1_000).pipe(
        map((count) => ({ type: 'own', data: String(count) })),
      ),
    );
  }
}
