import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Publish, PublishAnswer } from '../app/messages.js';
import type { AppNode } from '../cluster/app-node.js';
import type { Ledger } from '../judgement/ledger.js';

/** About what an application's events have, in bytes. */
const PADDING = 100;

/** Between a failure and the next attempt, in milliseconds. */
const PAUSE = 25;

/** How often an event with a key is tried before the worker gives it up. */
const ATTEMPTS = 200;

export interface WorkerFigures {
  acknowledged: number;
  failed: number;
  /** Attempts with the key of one that had failed. */
  repeated: number;
  /** The longest that a publish took to fail in an application, in milliseconds. */
  slowestFailure: number;
  /** The longest that the worker went without an acknowledgement, in milliseconds. */
  longestOutage: number;
}

/**
 * Publishes one event after the other as fast as it is answered. A worker with keys repeats an
 * event whose publish has failed, at any node, until it is acknowledged; one without goes on to the next.
 */
export class Worker {
  readonly figures: WorkerFigures = {
    acknowledged: 0,
    failed: 0,
    repeated: 0,
    slowestFailure: 0,
    longestOutage: 0,
  };
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #stopped = false;
  #running: Promise<void> | undefined;
  #acknowledged = Date.now();

  constructor(
    readonly number: number,
    readonly keyed: boolean,
    private readonly node: AppNode,
    private readonly nodes: readonly AppNode[],
    private readonly ledger: Ledger,
    private readonly random: () => number,
    /** What a node may take for any answer, in milliseconds. */
    private readonly patience: number,
    /** Takes answers that no fault explains. */
    private readonly complain: (text: string) => void,
  ) {}

  start(): void {
    this.#stopped = false;
    this.#acknowledged = Date.now();
    this.#running = this.#run();
  }

  /** Resolves when its last publish is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  close(): void {
    this.#agent.destroy();
  }

  /**
   * The next event, not yet published.
   *
   * @param parity which of the two topics, if it matters
   * @returns its number
   */
  next(parity?: 0 | 1): number {
    const event = this.ledger.publish(this.number, this.keyed);
    // The number says the topic: of two that follow each other one is even.
    return parity === undefined || event % 2 === parity
      ? event
      : this.ledger.publish(this.number, this.keyed);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.publish(this.next());
    }
  }

  /**
   * Publishes an event; with a key, until it is acknowledged.
   *
   * @param padding bytes of data that it has besides
   */
  async publish(event: number, padding = PADDING): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const node =
        attempt === 1
          ? this.node
          : this.nodes[Math.floor(this.random() * this.nodes.length)]!;
      const id = await this.#attempt(node, event, padding);
      if (id !== undefined) {
        this.ledger.acknowledge(event, id);
        this.#note();
        return;
      }
      this.figures.failed++;
      await sleep(PAUSE);
      if (!this.keyed || this.#stopped || attempt === ATTEMPTS) {
        return;
      }
      this.figures.repeated++;
    }
  }

  #note(): void {
    const now = Date.now();
    this.figures.acknowledged++;
    this.figures.longestOutage = Math.max(
      this.figures.longestOutage,
      now - this.#acknowledged,
    );
    this.#acknowledged = now;
  }

  /** @returns the event's cursor, if it is acknowledged */
  async #attempt(
    node: AppNode,
    event: number,
    padding: number,
  ): Promise<string | undefined> {
    const { life, ready } = node;
    const answer = await this.#post(node, {
      event,
      padding,
      key: this.keyed ? String(event) : undefined,
    }).catch((error: unknown) => {
      if (ready && node.ready && node.life === life) {
        this.complain(
          `A publish had no answer of ${node.name}, which runs: ${String(error)}`,
        );
      }
      return undefined;
    });
    if (answer === undefined) {
      return undefined;
    }
    const { status, id, took, error } = answer;
    if (status === 201) {
      return id;
    }
    node.failures++;
    this.figures.slowestFailure = Math.max(this.figures.slowestFailure, took);
    if (status !== 503 || took > this.patience) {
      this.complain(
        `A publish at ${node.name} was answered ${status} after ${took} ms: ${error}`,
      );
    }
    return undefined;
  }

  #post(
    node: AppNode,
    publish: Publish,
  ): Promise<PublishAnswer & { status: number }> {
    const body = JSON.stringify(publish);
    return new Promise((resolve, reject) => {
      const post = request(`${node.url}/publish`, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
        },
        signal: AbortSignal.timeout(this.patience * 2),
      });
      post.on('error', reject);
      post.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => (text += piece));
        response.on('error', reject);
        response.on('end', () => {
          try {
            const answer = JSON.parse(text) as PublishAnswer;
            resolve({ ...answer, status: response.statusCode! });
          } catch {
            reject(new Error(`answered ${response.statusCode}: ${text}`));
          }
        });
      });
      post.end(body);
    });
  }
}
