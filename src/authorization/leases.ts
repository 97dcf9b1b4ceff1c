import { Inject, Injectable } from '@nestjs/common';
import type {
  ConnectionObserver,
  Refusal,
} from '../connection/connection-observer.js';
import type { SseResponse } from '../connection/sse-response.js';
import { AUTHORIZATION_OPTIONS } from './authorization-options.js';
import type { AuthorizationOptions } from './authorization-options.js';
import { leaseOf, spreadLease } from './lease.js';
import { Schedule } from './schedule.js';

/** Leases that run out within the same so many milliseconds end together. */
const SPAN = 1_000;

/** Ends each stream when its user's authorization ends. */
@Injectable()
export class Leases implements ConnectionObserver {
  readonly #ends: Schedule<SseResponse>;

  constructor(
    @Inject(AUTHORIZATION_OPTIONS)
    private readonly options: Pick<
      AuthorizationOptions,
      'leaseUntil' | 'now' | 'random'
    >,
  ) {
    this.#ends = new Schedule(SPAN, options.now, (response) =>
      this.#expired(response),
    );
  }

  /**
   * Also gives a connection the lease of its user who was loaded anew. One without a lease
   * leaves the connection the lease that it has: a row of a database does not know when the
   * token expires that the guards have seen.
   *
   * @throws InvalidLeaseException
   */
  created(response: SseResponse): Refusal | undefined {
    const { leaseUntil, now, random } = this.options;
    const until = leaseOf(response.connection.user, leaseUntil);
    if (until === undefined) {
      return undefined;
    }
    const time = now();
    if (until <= time) {
      return { reason: 'expired' };
    }
    this.#ends.set(response, spreadLease(until, time, random()));
    return undefined;
  }

  ended(response: SseResponse): void {
    this.#ends.delete(response);
  }

  /** Ends a stream as if its lease had run out now, also one without a lease; for tests. */
  expire(response: SseResponse): void {
    this.#ends.delete(response);
    this.#expired(response);
  }

  #expired({ connection }: SseResponse): void {
    connection.revoke('expired');
  }
}
