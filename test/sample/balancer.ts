import { spawnSync } from 'node:child_process';
import { Nginx } from './nginx.js';
import { PlainBalancer } from './plain-balancer.js';

/** Stands before the nodes and sends each request to any of them, which `X-Node` names. */
export interface Balancer {
  readonly url: string;
  close(): Promise<void>;
}

/** nginx as the sample's compose.yaml has it, where it is installed. */
export function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const hasNginx = spawnSync('nginx', ['-v']).status === 0;
  return hasNginx ? Nginx.start(ports) : PlainBalancer.start(ports);
}
