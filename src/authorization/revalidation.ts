import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ConnectionObserver } from '../connection/connection-observer.js';
import { AuthorizationTimeoutException } from '../hub/hub.exceptions.js';
import type { SseResponse } from '../connection/sse-response.js';
import { AUTHORIZATION_OPTIONS } from './authorization-options.js';
import type { AuthorizationOptions } from './authorization-options.js';
import { revoke } from './revoke.js';
import { Schedule } from './schedule.js';
import { withinLimit } from './time-limit.js';

/** Checks that are due within a second come together, but not all of a short interval. */
const SPAN = { most: 1_000, part: 1 / 4 } as const;

/** Why a check that gave no answer counts as no. */
type Failure = 'failed' | 'late' | 'unclear';

const FAILURES: Record<Failure, string> = {
  failed: 'revalidate failed',
  late: 'revalidate did not answer within authorizationTimeout',
  unclear: 'revalidate answered neither true nor false',
};

/** Asks the application every so often whether a connection may stay. */
@Injectable()
export class Revalidation implements ConnectionObserver {
  readonly #logger = new Logger('SseModule');
  readonly #checks: Schedule<SseResponse>;
  /** Those whose turn has come, first come first served. */
  readonly #waiting = new Set<SseResponse>();
  readonly #told = new Set<Failure>();
  #running = 0;
  #turns = false;

  constructor(
    @Inject(AUTHORIZATION_OPTIONS)
    private readonly options: Omit<
      AuthorizationOptions,
      'leaseUntil' | 'limits' | 'now'
    >,
  ) {
    const { revalidateEvery, uptime } = options;
    this.#checks = new Schedule(
      Math.min(SPAN.most, revalidateEvery * SPAN.part),
      uptime,
      (response) => {
        this.#waiting.add(response);
        this.#next();
      },
    );
  }

  opened(response: SseResponse): void {
    if (this.options.revalidate !== undefined) {
      // At random within the interval: clients that came together are not checked together.
      this.#checkIn(response, this.options.random());
    }
  }

  ended(response: SseResponse): void {
    this.#checks.delete(response);
    this.#waiting.delete(response);
  }

  /** @param part of the interval */
  #checkIn(response: SseResponse, part: number): void {
    const { revalidateEvery, uptime } = this.options;
    this.#checks.set(response, uptime() + revalidateEvery * part);
  }

  #next(): void {
    for (const response of this.#waiting) {
      if (this.#running >= this.options.revalidateConcurrency) {
        return;
      }
      this.#waiting.delete(response);
      this.#running++;
      this.#check(response)
        .catch((error: unknown) =>
          this.#logger.error('revalidate could not be acted on', error),
        )
        .finally(() => {
          this.#running--;
          this.#nextTurn();
        });
    }
  }

  /** Later: answers that are there at once would keep events and sockets waiting. */
  #nextTurn(): void {
    if (!this.#turns) {
      this.#turns = true;
      setImmediate(() => {
        this.#turns = false;
        this.#next();
      });
    }
  }

  async #check(response: SseResponse): Promise<void> {
    const mayStay = await this.#ask(response);
    if (response.ended) {
      return;
    }
    if (mayStay) {
      this.#checkIn(response, 1);
    } else {
      revoke(response.connection, 'revoked', this.#logger);
    }
  }

  /** Only `true`, and in time, is a yes. */
  async #ask({ connection }: SseResponse): Promise<boolean> {
    const { revalidate, authorizationTimeout } = this.options;
    const ask = async (): Promise<unknown> => revalidate!(connection);
    try {
      const answer = await withinLimit(
        ask(),
        authorizationTimeout,
        'revalidate',
      );
      if (typeof answer !== 'boolean') {
        this.#tell('unclear');
      }
      return answer === true;
    } catch (error) {
      if (error instanceof AuthorizationTimeoutException) {
        this.#tell('late');
      } else {
        this.#tell('failed', error);
      }
      return false;
    }
  }

  /** Once for each kind: while a store is down, every connection would say the same. */
  #tell(failure: Failure, error?: unknown): void {
    if (!this.#told.has(failure)) {
      this.#told.add(failure);
      this.#logger.warn(
        `${FAILURES[failure]}: that counts as no, and the stream is closed with "revoked". (Said once.)${
          error === undefined ? '' : `\n${stackOf(error)}`
        }`,
      );
    }
  }
}

function stackOf(error: unknown): string {
  return (error instanceof Error && error.stack) || String(error);
}
