import { redis } from './redis.js';
import { sqlite } from './sqlite.js';

/** What a log keeps its entries in. It is there before the servers that use it, and after. */
export interface Engine {
  /** Tells a server which log to make. */
  readonly address: string;
  /** Whether the history outlives a server. */
  readonly durable: boolean;
  /** Whether several servers can use it. */
  readonly shared: boolean;
  /** How many commands it has got since the last call on connections that do not tail, if it can tell. */
  takeReads?(): Promise<number>;
  stop(): Promise<void>;
}

export interface EngineKind {
  start(): Promise<Engine>;
  /** Why it cannot be started on this machine, if so. */
  missing(): string | undefined;
}

const memory: EngineKind = {
  start: async () => ({
    address: 'memory',
    durable: false,
    shared: false,
    stop: async () => {},
  }),
  missing: () => undefined,
};

export const engines = {
  memory,
  sqlite: sqlite('full'),
  'sqlite-normal': sqlite('normal'),
  redis: redis('everysec'),
  'redis-always': redis('always'),
};

export type EngineName = keyof typeof engines;
