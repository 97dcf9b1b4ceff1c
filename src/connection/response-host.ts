import type { Socket } from 'node:net';
import type { Cursor } from '../log/cursor.js';
import type { Frame } from './frame.js';
import type { SseResponse } from './sse-response.js';
import type { OutputWarning } from './stream-output.js';

/** What a response needs of the module that serves it. */
export interface ResponseHost {
  /** Whole milliseconds since some moment. */
  now(): number;
  /** A response has frames to be flushed. */
  markDirty(response: SseResponse): void;
  /** A corked socket holds back a head, which leaves with others. */
  uncorkLater(socket: Socket): void;
  /** What follows the head before the stream's own frames. */
  retryFrame(): Frame;
  checkpointFrame(cursor: Cursor): Frame;
  /** Something that the developer should hear of once. */
  warn(response: SseResponse, warning: OutputWarning): void;
  /** A hub stream was given to its connection. */
  attached(response: SseResponse, isFirst: boolean): void;
  /** The head was written. */
  opened(response: SseResponse): void;
  /** The stream is over; `wasOpen` if its head was written. */
  ended(response: SseResponse, reason: string, wasOpen: boolean): void;
  /** Nothing of the response is left to send. */
  gone(response: SseResponse): void;
  /** Whether the application is shutting down. */
  readonly closing: boolean;
  /** A handler's stream failed after the head. Returns what the client may be told. */
  failed(response: SseResponse, error: unknown): string;
}
