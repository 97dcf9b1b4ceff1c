import type { ExecutionContext } from '@nestjs/common';

/** What connections are served by; every field is resolved. */
export interface ConnectionOptions {
  readonly heartbeat: number;
  readonly retry: number;
  readonly maxPendingBytes: number;
  readonly stallTimeout: number;
  readonly user: (context: ExecutionContext) => unknown;
  readonly userId: (user: any) => string | number | bigint | undefined;
  readonly roles: (user: any) => readonly string[] | undefined;
  readonly loadUser?: (userId: string) => unknown;
  readonly authorizationTimeout: number;
  /** Now, in milliseconds: what users and tokens mean by a time. */
  readonly now: () => number;
  /** Milliseconds since some moment, whatever the clock is set to: how long something takes. */
  readonly uptime: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** Injection token of the `ConnectionOptions`. */
export const CONNECTION_OPTIONS = Symbol('CONNECTION_OPTIONS');
