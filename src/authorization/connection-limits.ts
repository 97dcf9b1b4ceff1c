import { Inject, Injectable, Logger } from '@nestjs/common';
import type {
  ConnectionObserver,
  Refusal,
} from '../connection/connection-observer.js';
import { ByUser } from '../hub/by-user.js';
import type { SseResponse } from '../connection/sse-response.js';
import { AUTHORIZATION_OPTIONS } from './authorization-options.js';
import type { AuthorizationOptions } from './authorization-options.js';

/** How often at most the log says that the node is full, in milliseconds. */
const WARN_EVERY = 60_000;

/**
 * Bounds the connections of a user, whose oldest one makes room, and of the node, which
 * sends away who comes. Neither is an error status: it would end an EventSource for good.
 */
@Injectable()
export class ConnectionLimits implements ConnectionObserver {
  readonly #logger = new Logger('SseModule');
  /** Those that count, oldest first. */
  readonly #byUser = new ByUser<SseResponse>();
  #warnedAt = -Infinity;

  constructor(
    @Inject(AUTHORIZATION_OPTIONS)
    private readonly options: Pick<
      AuthorizationOptions,
      'limits' | 'now' | 'random'
    >,
  ) {}

  created(response: SseResponse, connections: number): Refusal | undefined {
    const { limits } = this.options;
    // Who makes room for himself does not fill the node.
    const { userId } = response.connection.listener;
    const makesRoom =
      userId !== undefined &&
      this.#byUser.count(userId) >= limits.connectionsPerUser;
    if (!makesRoom && connections > limits.connections) {
      this.#warn();
      return { reason: 'overloaded', retry: this.#retry() };
    }
    this.#byUser.add(userId, response);
    return undefined;
  }

  /** Only now: a request that is answered otherwise must not cost the user a stream. */
  opened(response: SseResponse): void {
    const { userId } = response.connection.listener;
    if (userId !== undefined && !response.isHead) {
      this.#makeRoom(userId, response);
    }
  }

  ended(response: SseResponse): void {
    this.#byUser.delete(response.connection.listener.userId, response);
  }

  /** Closes a user's oldest connection, if one is too many. */
  #makeRoom(userId: string, opened: SseResponse): void {
    if (this.#byUser.count(userId) > this.options.limits.connectionsPerUser) {
      const oldest = this.#byUser.of(userId).find((each) => each !== opened)!;
      // Now, because one that is not open yet ends later, and must not be found again.
      this.#byUser.delete(userId, oldest);
      oldest.connection.closeFor('replaced', this.#retry());
    }
  }

  /** Up to half as much again, so that those sent away do not all come back at once. */
  #retry(): number {
    return this.options.limits.retry * (1 + this.options.random() / 2);
  }

  #warn(): void {
    const now = this.options.now();
    if (now - this.#warnedAt >= WARN_EVERY) {
      this.#warnedAt = now;
      this.#logger.warn(
        `This node has ${this.options.limits.connections} connections, which is limits.connections: further clients are sent away for a while. (Said once a minute.)`,
      );
    }
  }
}
