import type { MeasureName } from '../options.js';
import type { ServerEntry } from '../servers/catalogue.js';
import { measureConnections } from './connections.js';
import { measureDelivery } from './delivery.js';
import { measureLog } from './logs.js';
import type { Bench, Figures } from './measure.js';
import { measureReconnects } from './reconnects.js';
import { measureAudience, measureUserTopics } from './users.js';

export interface Measure {
  run: (bench: Bench) => Promise<Figures>;
  appliesTo: (server: ServerEntry) => boolean;
  /** Servers of which this is the same are open at the same time, and take turns; without it none are. */
  group?: (server: ServerEntry) => string;
}

export const measures: Record<MeasureName, Measure> = {
  delivery: {
    run: measureDelivery,
    appliesTo: (server) => !server.onlyConnects && !server.engine,
    group: () => 'all',
  },
  connections: {
    run: measureConnections,
    appliesTo: (server) => !server.engine,
    // Two at a time: behind twenty seconds of waiting a process needs a third more CPU for each connection.
    group: ({ name, rival }) => rival ?? name,
  },
  'user-topics': {
    run: measureUserTopics,
    appliesTo: (server) => server.servesUsers,
  },
  audience: {
    run: measureAudience,
    appliesTo: (server) => server.servesUsers,
  },
  logs: {
    run: measureLog,
    appliesTo: ({ engine, args }) =>
      engine !== undefined && args.includes('fastify'),
  },
  reconnects: {
    run: measureReconnects,
    // What the disk does is not asked of who comes back.
    appliesTo: ({ engine }) =>
      engine !== undefined && ['memory', 'sqlite', 'redis'].includes(engine),
  },
};
