import { setTimeout as sleep } from 'node:timers/promises';
import type { AppNode } from './cluster/app-node.js';
import { Cluster } from './cluster/cluster.js';
import type { ClusterOptions } from './cluster/cluster.js';
import { retainedEvents } from './cluster/stream-entries.js';
import { Ledger } from './judgement/ledger.js';
import { Losses } from './judgement/losses.js';
import { judge } from './judgement/oracle.js';
import type { Complaint } from './judgement/complaints.js';
import type { Browser } from './load/browser.js';
import { Crowd } from './load/crowd.js';
import type { CrowdOptions } from './load/crowd.js';
import type { Fault } from './schedule/fault.js';
import { Dice } from './schedule/dice.js';

export interface TrialOptions
  extends ClusterOptions, Omit<CrowdOptions, 'patience'> {
  readonly seed: number;
  /** What durations of faults are multiplied with. */
  readonly scale: number;
  /** Told as it happens, if wanted. */
  readonly tell?: (line: string) => void;
}

/** How long everything may take to be well again on a busy machine, in milliseconds. */
const RECOVERY = 60_000;

/** What a busy machine may add to a bounded time, in milliseconds. */
const SLACK = 4_000;

/** Processes, clients and publishers, the faults that they meet, and the judgement. */
export class Trial {
  readonly ledger = new Ledger();
  readonly losses = new Losses();
  readonly complaints: Complaint[] = [];
  /** How often each fault was made. */
  readonly faults = new Map<string, number>();
  /** From the end of a fault until every client got new events, the longest, in milliseconds. */
  longestRecovery = 0;
  /** Connections to the engine that were cut between a command and its reply. */
  repliesLost = 0;
  cluster!: Cluster;
  crowd!: Crowd;
  readonly #start = Date.now();
  readonly #active = new Set<string>();

  private constructor(readonly options: TrialOptions) {}

  static async start(options: TrialOptions): Promise<Trial> {
    const trial = new Trial(options);
    trial.cluster = await Cluster.start(options, trial.complain);
    const { clients, workers, timeout, seed } = options;
    trial.crowd = new Crowd(
      { clients, workers, patience: timeout + SLACK },
      {
        nodes: trial.nodes,
        ledger: trial.ledger,
        dice: new Dice(seed),
        complain: trial.complain,
      },
    );
    trial.crowd.start();
    // So that the first fault meets a system that works.
    await trial.recover();
    trial.longestRecovery = 0;
    return trial;
  }

  get nodes(): readonly AppNode[] {
    return this.cluster.nodes;
  }

  /** How long it has lasted, in milliseconds. */
  get age(): number {
    return Date.now() - this.#start;
  }

  get browsers(): readonly Browser[] {
    return this.crowd.browsers;
  }

  /** Notes that something was done that no fault explains. */
  readonly complain = (text: string): void => {
    this.complaints.push({ rule: 'conduct', text: this.#stamp(text) });
    this.tell(`! ${text}`);
  };

  tell(line: string): void {
    this.options.tell?.(this.#stamp(line));
  }

  /** Makes one fault. */
  async play(fault: Fault, dice: Dice): Promise<void> {
    this.tell(fault.name);
    this.faults.set(fault.name, (this.faults.get(fault.name) ?? 0) + 1);
    this.#active.add(fault.name);
    try {
      await fault.run(this, dice);
    } finally {
      this.#active.delete(fault.name);
    }
  }

  /** @param duration of a long round, in milliseconds */
  async wait(duration: number): Promise<void> {
    await sleep(duration * this.options.scale);
  }

  /**
   * Waits for a condition.
   *
   * @param bound in milliseconds
   * @returns whether it came to hold
   */
  async until(
    condition: () => boolean | Promise<boolean>,
    bound: number,
  ): Promise<boolean> {
    const deadline = Date.now() + bound;
    while (!(await condition())) {
      if (Date.now() > deadline) {
        return false;
      }
      await sleep(20);
    }
    return true;
  }

  /**
   * The engine is away for some nodes: at least for this long, and until they have said so, have
   * refused a publish, and every stream that was open has got a sign of life.
   *
   * @param duration of a long round, in milliseconds
   */
  async outage(nodes: readonly AppNode[], duration: number): Promise<void> {
    const { timeout, heartbeat } = this.options;
    const lives = this.browsers.map((browser) => browser.watchLife());
    const before = nodes.map(({ life, failures }) => ({ life, failures }));
    const hasRefused = ({ life, failures, ready }: AppNode, i: number) =>
      // Another fault may have killed it meanwhile: then it has nothing to say.
      !ready || life !== before[i]!.life || failures > before[i]!.failures;
    await Promise.all([
      this.wait(duration),
      this.#within(
        timeout + heartbeat + SLACK,
        'nodes have said that the engine is away',
        () => this.#all(nodes, 'down'),
      ),
      this.#within(timeout + SLACK, 'nodes have refused a publish', () =>
        nodes.every(hasRefused),
      ),
      this.#within(heartbeat + SLACK, 'heartbeats have gone on', () =>
        lives.every((isAlive) => isAlive()),
      ),
    ]);
  }

  /** Waits until every node is up, and every client gets what is published from now on. */
  async recover(): Promise<void> {
    const start = Date.now();
    await this.#within(
      RECOVERY,
      'nodes have said that the engine is back',
      () => this.#all(this.nodes, 'up'),
    );
    const left = new Set(this.browsers);
    await this.#within(RECOVERY, 'clients have got new events', async () => {
      // New ones each time: a client that is being told of a loss may go on after them.
      await this.crowd.probe(left);
      return left.size === 0;
    });
    this.longestRecovery = Math.max(this.longestRecovery, Date.now() - start);
  }

  /** Ends the load, lets everyone get everything, and judges. */
  async finish(): Promise<readonly Complaint[]> {
    await this.crowd.quiet();
    await this.recover();
    const { places } = this.ledger;
    for (let count = -1; count !== places.length; await sleep(500)) {
      count = places.length;
    }
    this.crowd.leave();
    const { cluster, ledger, losses, browsers } = this;
    const retained = cluster.hasEngine
      ? await retainedEvents(cluster.redis)
      : undefined;
    const clients = browsers.map(({ record }) => record);
    this.complaints.push(...judge({ ledger, losses, clients, retained }));
    return this.complaints;
  }

  /** Ends everything that the trial has started, also in the middle of it. */
  async dispose(): Promise<void> {
    this.crowd.leave();
    await this.cluster.dispose();
    await this.crowd.quiet();
    this.crowd.close();
  }

  async #all(nodes: readonly AppNode[], status: string): Promise<boolean> {
    const answers = await Promise.all(
      nodes.map(async (node) => {
        const { life, ready } = node;
        const answer = await this.cluster.health(node);
        // Another fault may have killed it meanwhile: then it has nothing to say.
        const isGone = !ready || !node.ready || life !== node.life;
        return answer === status || (isGone && status === 'down');
      }),
    );
    return answers.every(Boolean);
  }

  /** Waits for a condition, and complains when it does not come to hold. */
  async #within(
    bound: number,
    what: string,
    holds: () => boolean | Promise<boolean>,
  ): Promise<void> {
    if (!(await this.until(holds, bound))) {
      this.complain(`${bound} ms have passed before ${what}`);
    }
  }

  #stamp(text: string): string {
    const seconds = (this.age / 1_000).toFixed(1);
    const during = [...this.#active].join(' and ');
    return `${seconds} s${during && ` (${during})`}: ${text}`;
  }
}
