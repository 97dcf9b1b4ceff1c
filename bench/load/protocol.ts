/** What the load client is asked to do, and what it answers. */
export interface Connect {
  port: number;
  /** `:n` stands for the number of the connection. */
  path: string;
  count: number;
  /** What each connection missed; answered is how many events of it never came. */
  replay?: Replay;
}

export interface Replay {
  /** The cursor to continue from. */
  lastEventId: string;
  /** The number of the first event after it. */
  first: number;
  /** Events up to now. */
  events: number;
}

export interface Broadcast {
  /** How often to publish; each time waits until everybody has everything. */
  times: number;
  /** Events per publish. */
  burst: number;
}

export interface PublishToUsers {
  /** `:n` stands for the number of the user. */
  path: string;
  /** Events in all, each to another user. */
  events: number;
}

export interface Delivered {
  deliveries: number;
  /** Expected events that never came. */
  missing: number;
  /** Events that came twice or at the wrong place. */
  misplaced: number;
  /** Streams that the server closed. */
  closed: number;
  /** In milliseconds. */
  wall: number;
  /** From the publish request to the event at the subscriber, in milliseconds. */
  latency: { p50: number; p99: number };
  /** Share of one core that the load client used: near 1, it was the bottleneck. */
  clientLoad: number;
}
