/** What a node is started with. */
export interface NodeConfig {
  readonly platform: 'express' | 'fastify';
  readonly port: number;
  readonly log:
    | { readonly kind: 'memory' }
    | { readonly kind: 'redis'; readonly url: string }
    | { readonly kind: 'sqlite'; readonly file: string };
  /** How long the log may take for an answer, in milliseconds. */
  readonly timeout: number;
  /** How many events the log keeps. */
  readonly maxEvents: number;
  /** Between two signs of life on a quiet stream, in milliseconds. */
  readonly heartbeat: number;
  /** When a client comes back, in milliseconds. */
  readonly retry: number;
  /** After which a client that takes nothing is cut, in milliseconds. */
  readonly stallTimeout: number;
}

/** What a client posts. */
export interface Publish {
  readonly event: number;
  /** Repeated with the same key until it is acknowledged. */
  readonly key?: string;
  /** Bytes of data besides. */
  readonly padding: number;
}

/** What it is answered. */
export interface PublishAnswer {
  /** The event's cursor; none when the log did not take it. */
  readonly id?: string;
  /** How long it took in the application, in milliseconds. */
  readonly took: number;
  /** Why it failed. */
  readonly error?: string;
}

/** The topics of even and of odd events. */
export const TOPICS = ['load.even', 'load.odd'] as const;
