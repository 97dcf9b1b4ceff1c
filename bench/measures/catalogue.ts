import type { MeasureName } from '../options.js';
import type { ServerEntry } from '../servers/catalogue.js';
import { measureConnections } from './connections.js';
import { measureDelivery } from './delivery.js';
import type { Bench, Figures } from './measure.js';
import { measureAudience, measureUserTopics } from './users.js';

export interface Measure {
  run: (bench: Bench) => Promise<Figures>;
  appliesTo: (server: ServerEntry) => boolean;
}

export const measures: Record<MeasureName, Measure> = {
  delivery: {
    run: measureDelivery,
    appliesTo: (server) => !server.onlyConnects,
  },
  connections: { run: measureConnections, appliesTo: () => true },
  'user-topics': {
    run: measureUserTopics,
    appliesTo: (server) => server.servesUsers,
  },
  audience: {
    run: measureAudience,
    appliesTo: (server) => server.servesUsers,
  },
};
