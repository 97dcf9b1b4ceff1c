import type { SseConnection } from '../connection/sse-connection.js';

/** How streams are authorized, and how many may be open; every field is resolved. */
export interface AuthorizationOptions {
  readonly unlistedTopics: 'allow' | 'deny';
  readonly leaseUntil: (user: any) => Date | null | undefined;
  readonly revalidate:
    ((connection: SseConnection) => boolean | Promise<boolean>) | undefined;
  readonly revalidateEvery: number;
  readonly revalidateConcurrency: number;
  readonly authorizationTimeout: number;
  readonly limits: {
    readonly connections: number;
    readonly connectionsPerUser: number;
    readonly retry: number;
  };
  /** Now, in milliseconds: what users and tokens mean by a time. */
  readonly now: () => number;
  /** Milliseconds since some moment, whatever the clock is set to: how long something takes. */
  readonly uptime: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** Injection token of the `AuthorizationOptions`. */
export const AUTHORIZATION_OPTIONS = Symbol('AUTHORIZATION_OPTIONS');
