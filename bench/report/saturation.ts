import { servers } from '../servers/catalogue.js';
import type { ServerFigures } from './medians.js';

/** Above this share of a core the load client, not the server, sets the pace. */
const SATURATED = 0.9;

/** Says where the load client was the bottleneck, if anywhere. */
export function saturationNote(figures: ServerFigures): string | undefined {
  const saturated = servers.flatMap(({ name, title }) => {
    const { 'single.clientLoad': single = 0, 'burst.clientLoad': burst = 0 } =
      figures[name] ?? {};
    return [
      ...(single > SATURATED ? [`${title} (one at a time)`] : []),
      ...(burst > SATURATED ? [`${title} (bursts)`] : []),
    ];
  });
  if (saturated.length === 0) return undefined;
  return `The load client was saturated with ${saturated.join(', ')}: deliveries/s and latency there are its own limit, not the server's. CPU per delivery is not affected.`;
}
