import type { SseResponse } from './sse-response.js';

/** Why a connection ends right behind its head, without its handler having run. */
export interface Refusal {
  /** As `hub.closed` tells it. */
  readonly reason: string;
  /** How long the client is to stay away, in milliseconds; as long as ever if left out. */
  readonly retry?: number;
}

/** What watches over connections without their knowing of it. */
export interface ConnectionObserver {
  /**
   * A request was let through by the guards; its handler has not run.
   *
   * @param connections how many there are on this node, this one among them
   * @returns why it is refused, if it is
   * @throws what the request is answered with
   */
  created?(response: SseResponse, connections: number): Refusal | undefined;
  /** The head of a connection that was not refused was written. */
  opened?(response: SseResponse): void;
  /**
   * Told once of each that was created, whatever the way it ended.
   *
   * @param wasOpened whether `opened` was told of it
   */
  ended?(response: SseResponse, reason: string, wasOpened: boolean): void;
}

/** All observers as one; they are told in their order, and the first refusal counts. */
export class ConnectionObservers implements Required<ConnectionObserver> {
  constructor(private readonly observers: readonly ConnectionObserver[]) {}

  created(response: SseResponse, connections: number): Refusal | undefined {
    for (const observer of this.observers) {
      const refusal = observer.created?.(response, connections);
      if (refusal !== undefined) {
        return refusal;
      }
    }
    return undefined;
  }

  opened(response: SseResponse): void {
    for (const observer of this.observers) {
      observer.opened?.(response);
    }
  }

  ended(response: SseResponse, reason: string, wasOpened: boolean): void {
    for (const observer of this.observers) {
      observer.ended?.(response, reason, wasOpened);
    }
  }
}
