import { Inject, Injectable, Logger } from '@nestjs/common';
import { HttpException } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { Socket } from 'node:net';
import { ConnectionRegistry } from '../hub/connection-registry.js';
import type { Deadline } from '../hub/deadline.js';
import type { Cursor } from '../log/cursor.js';
import type { Admission } from './admission.js';
import { ADMITS_ALL } from './admission.js';
import { ConnectionObservers } from './connection-observer.js';
import { ByUser } from '../hub/by-user.js';
import { checkpointFrame, closedFrame, retryFrame } from './control-frames.js';
import type { Frame } from './frame.js';
import { Flusher } from './flusher.js';
import { CONNECTION_OPTIONS } from './connection-options.js';
import type { ConnectionOptions } from './connection-options.js';
import type { Platform } from './platform.js';
import { SseConnection } from './sse-connection.js';
import type { ResponseHost } from './response-host.js';
import { Heartbeat } from './heartbeat.js';
import { HeldHeads } from './held-heads.js';
import { SseResponse } from './sse-response.js';
import type { OutputWarning } from './stream-output.js';
import { listenerOf, resumeCursorOf } from './request.js';

/** Every `retry` that is sent is one of so many, from the configured time up to half as much again. */
const JITTER_STEPS = 64;

const WARNINGS: Record<OutputWarning, string> = {
  'id-backwards':
    'A handler emits hub events out of order: their frames go without an id. Use operators that keep order (filter, map, concatMap).',
  'id-lost':
    'A handler emits objects without an id later than the hub handed their events on, so a client that reconnects gets them again. Emit event.with({ data }) instead, which keeps the id.',
  'id-foreign':
    'A handler puts ids of its own on a hub stream, where they would replace the client’s cursor: they are left out.',
};

/** The open SSE responses of this node: makes, sweeps and ends them. */
@Injectable()
export class Connections implements ResponseHost {
  readonly #logger = new Logger('SseModule');
  readonly #responses = new Set<SseResponse>();
  /** Those of them that end right behind their head. */
  readonly #refused = new Set<SseResponse>();
  readonly #byUser = new ByUser<SseConnection>();
  readonly #flusher = new Flusher(() => this.now());
  readonly #heads = new HeldHeads();
  readonly #heartbeat: Heartbeat;
  readonly #retries: readonly Frame[];
  readonly #warned = new Set<OutputWarning>();
  readonly #prefix = Math.random().toString(36).slice(2, 8);
  #count = 0;
  #closing = false;
  #admission = ADMITS_ALL;
  /** Since this was made: V8 keeps a small integer in the object itself, any other number elsewhere. */
  readonly now: () => number;
  #checkpoint: { readonly cursor: Cursor; readonly frame: Frame } | undefined;

  constructor(
    @Inject(CONNECTION_OPTIONS) private readonly options: ConnectionOptions,
    @Inject(ConnectionRegistry) private readonly registry: ConnectionRegistry,
    @Inject(ConnectionObservers)
    private readonly observers: ConnectionObservers,
  ) {
    const { heartbeat, stallTimeout, uptime } = options;
    const start = uptime();
    this.now = () => Math.trunc(uptime() - start);
    this.#heartbeat = new Heartbeat(
      this.#responses,
      heartbeat,
      stallTimeout,
      this.now,
    );
    this.#retries = Array.from({ length: JITTER_STEPS }, (_, step) =>
      retryFrame(options.retry * (1 + step / (2 * JITTER_STEPS))),
    );
  }

  /** Whether the application is shutting down. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Makes the response, and the connection in it, of a request that guards let through. */
  create(
    context: ExecutionContext,
    platform: Platform,
    maxPendingBytes?: number,
  ): SseResponse {
    const request = context.switchToHttp().getRequest<object>();
    const response = new SseResponse(
      this,
      platform,
      maxPendingBytes ?? this.options.maxPendingBytes,
    );
    const user = this.options.user(context);
    const connection = new SseConnection(
      {
        id: `${this.#prefix}-${(++this.#count).toString(36)}`,
        user,
        listener: listenerOf(user, this.options),
        lastEventId: resumeCursorOf(request),
        openedAt: this.options.now(),
        arrival: this.#admission.arrivalOf(platform.raw.req),
        request,
      },
      response,
    );
    response.connect(connection);
    if (!response.ended) {
      this.#responses.add(response);
      this.#byUser.add(connection.listener.userId, connection);
      this.#heartbeat.update();
      this.#admit(response);
    }
    return response;
  }

  #admit(response: SseResponse): void {
    if (this.#closing) {
      this.#refused.add(response);
      response.end('shutdown');
      return;
    }
    this.#admission.created(response.connection);
    if (response.revoked) {
      this.#refused.add(response);
      return;
    }
    const refusal = this.observers.created(
      response,
      this.#responses.size - this.#refused.size,
    );
    if (refusal !== undefined) {
      const { reason, retry } = refusal;
      this.#refused.add(response);
      response.end(reason, closedFrame(reason, undefined, retry));
    }
  }

  /** Sets who looks after connections that are on their way when something is decided. */
  useAdmission(admission: Admission): void {
    this.#admission = admission;
  }

  /** All that have not gone, in the order of their requests. */
  all(): readonly SseConnection[] {
    return Array.from(this.#responses, ({ connection }) => connection);
  }

  /** All of a user that have not gone. */
  ofUser(userId: string): readonly SseConnection[] {
    return this.#byUser.of(userId);
  }

  markDirty(response: SseResponse): void {
    this.#flusher.add(response);
  }

  uncorkLater(socket: Socket): void {
    this.#heads.add(socket);
  }

  retryFrame(): Frame {
    return this.#retries[Math.floor(this.options.random() * JITTER_STEPS)]!;
  }

  /** Connections that are at the same cursor share one frame. */
  checkpointFrame(cursor: Cursor): Frame {
    if (this.#checkpoint?.cursor !== cursor) {
      this.#checkpoint = { cursor, frame: checkpointFrame(cursor) };
    }
    return this.#checkpoint.frame;
  }

  warn({ connection }: SseResponse, warning: OutputWarning): void {
    if (!this.#warned.has(warning)) {
      this.#warned.add(warning);
      this.#logger.warn(
        `${WARNINGS[warning]} (Connection ${connection.id}; said once.)`,
      );
    }
  }

  attached({ connection }: SseResponse, isFirst: boolean): void {
    this.#admission.attached(connection, isFirst);
  }

  opened(response: SseResponse): void {
    this.registry.add(response.connection);
    if (!this.#refused.has(response)) {
      this.observers.opened(response);
    }
  }

  ended(response: SseResponse, reason: string, wasOpen: boolean): void {
    if (!this.#responses.has(response)) {
      return;
    }
    if (wasOpen) {
      this.registry.delete(response.connection);
      this.#logger.debug(
        `Connection ${response.connection.id} ended: ${reason}`,
      );
    }
    const wasOpened = wasOpen && !this.#refused.has(response);
    this.observers.ended(response, reason, wasOpened);
  }

  gone(response: SseResponse): void {
    if (this.#responses.delete(response)) {
      const { connection } = response;
      this.#byUser.delete(connection.listener.userId, connection);
    }
    this.#refused.delete(response);
    this.#heartbeat.update();
  }

  failed(response: SseResponse, error: unknown): string {
    this.#logger.error(
      `The stream of connection ${response.connection.id} failed`,
      error instanceof Error ? error.stack : String(error),
    );
    return error instanceof HttpException
      ? error.message
      : 'Internal server error';
  }

  /** What ends from now on ends because the application closes. */
  beginToClose(): void {
    this.#closing = true;
  }

  /**
   * Ends every stream and waits until the bytes have left. Connects that arrive from now on are
   * told to come back.
   */
  async close(deadline: Deadline): Promise<void> {
    this.beginToClose();
    const responses = [...this.#responses];
    for (const response of responses) {
      response.shutDown(this.retryFrame());
    }
    await deadline.wait(
      Promise.all(responses.map((response) => response.closed())),
    );
    for (const response of responses) {
      response.destroy();
    }
  }
}
