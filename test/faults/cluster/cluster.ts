import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis-server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import type { NodeConfig } from '../app/messages.js';
import { AppNode } from './app-node.js';

export type LogKind = NodeConfig['log']['kind'];

export interface ClusterOptions extends Pick<
  NodeConfig,
  'timeout' | 'maxEvents' | 'heartbeat' | 'retry' | 'stallTimeout'
> {
  readonly log: LogKind;
  /** The node's compiled program. */
  readonly program: URL;
}

/** Three nodes where the log can be shared, else one. */
const SHARED = 3;

/** The application's processes, the engine, and a bad network between each of them and it. */
export class Cluster {
  readonly nodes: AppNode[] = [];
  /** The way of each node to the engine, in the order of the nodes. */
  readonly proxies: TcpProxy[] = [];
  #redis: RedisServer | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'sse-faults-'));

  private constructor(
    readonly options: ClusterOptions,
    private readonly complain: (text: string) => void,
  ) {
    process.once('exit', this.#killNow);
  }

  /** @param complain takes what processes do that nobody asked for */
  static async start(
    options: ClusterOptions,
    complain: (text: string) => void,
  ): Promise<Cluster> {
    const cluster = new Cluster(options, complain);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.dispose();
      throw error;
    }
  }

  /** The engine; there is one where the log is Redis. */
  get redis(): RedisServer {
    return this.#redis!;
  }

  get hasEngine(): boolean {
    return this.#redis !== undefined;
  }

  /** What a node says of itself; `undefined` when it does not answer. */
  async health(node: AppNode): Promise<'up' | 'down' | undefined> {
    try {
      const response = await fetch(`${node.url}/health`, {
        signal: AbortSignal.timeout(2_000),
      });
      const { status } = (await response.json()) as { status: 'up' | 'down' };
      return status;
    } catch {
      return undefined;
    }
  }

  /** Ends everything that it has started, and removes what it has written. */
  async dispose(): Promise<void> {
    process.off('exit', this.#killNow);
    await Promise.all(this.nodes.map((node) => node.dispose()));
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
    await this.#redis?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const { log, program, ...config } = this.options;
    if (log === 'redis') {
      this.#redis = await RedisServer.start({ appendOnly: true });
    }
    for (let i = 0; i < (log === 'redis' ? SHARED : 1); i++) {
      this.nodes.push(
        new AppNode(
          `node ${i + 1}`,
          program,
          {
            ...config,
            port: await freePort(),
            platform: i % 2 === 0 ? 'express' : 'fastify',
            log: await this.#logOf(log),
          },
          this.complain,
        ),
      );
    }
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  async #logOf(log: LogKind): Promise<NodeConfig['log']> {
    switch (log) {
      case 'redis': {
        const proxy = await TcpProxy.start(this.redis.port);
        this.proxies.push(proxy);
        return { kind: log, url: `redis://127.0.0.1:${proxy.port}` };
      }
      case 'sqlite':
        return { kind: log, file: join(this.#folder, 'log.sqlite') };
      case 'memory':
        return { kind: log };
    }
  }

  readonly #killNow = (): void => {
    for (const node of this.nodes) {
      node.killNow();
    }
    rmSync(this.#folder, { recursive: true, force: true });
  };
}
