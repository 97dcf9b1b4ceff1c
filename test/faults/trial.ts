import { setTimeout as sleep } from 'node:timers/promises';
import type { AppNode } from './cluster/app-node.js';
import { Cluster } from './cluster/cluster.js';
import type { ClusterOptions } from './cluster/cluster.js';
import { retainedEvents } from './cluster/stream-entries.js';
import { TOPICS } from './app/messages.js';
import { ClientRecord } from './judgement/client-record.js';
import { Ledger } from './judgement/ledger.js';
import { Losses } from './judgement/losses.js';
import { judge } from './judgement/oracle.js';
import type { Complaint } from './judgement/oracle.js';
import { Browser } from './load/browser.js';
import { Worker } from './load/worker.js';
import type { Fault } from './schedule/fault.js';
import { Dice } from './schedule/dice.js';

export interface TrialOptions extends Omit<ClusterOptions, 'program'> {
  readonly program: URL;
  readonly seed: number;
  /** Clients; each third one listens to one topic of the two. */
  readonly clients: number;
  /** Publishers of each node. */
  readonly workers: number;
  /** What durations of faults are multiplied with. */
  readonly scale: number;
  /** Told as it happens, if wanted. */
  readonly tell?: (line: string) => void;
}

/** Between a client's losses of its network, in milliseconds. */
const NETWORK = { least: 500, most: 6_000 } as const;

/** How long everything may take to be well again on a busy machine, in milliseconds. */
const RECOVERY = 60_000;

/** What a busy machine may add to a bounded time, in milliseconds. */
const SLACK = 4_000;

/** Processes, clients and publishers, the faults that they meet, and the judgement. */
export class Trial {
  readonly ledger = new Ledger();
  readonly losses = new Losses();
  readonly browsers: Browser[] = [];
  readonly workers: Worker[] = [];
  readonly complaints: Complaint[] = [];
  /** How often each fault was made. */
  readonly faults = new Map<string, number>();
  /** From the end of a fault until every client got new events, the longest, in milliseconds. */
  longestRecovery = 0;
  /** Connections to the engine that were cut between a command and its reply. */
  repliesLost = 0;
  cluster!: Cluster;
  readonly #start = Date.now();
  readonly #active = new Set<string>();
  readonly #dice: Dice;
  #probe!: Worker;
  #network: NodeJS.Timeout | undefined;

  private constructor(readonly options: TrialOptions) {
    this.#dice = new Dice(options.seed);
  }

  static async start(options: TrialOptions): Promise<Trial> {
    const trial = new Trial(options);
    trial.cluster = await Cluster.start(options, trial.complain);
    trial.#connect();
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

  /** How many events were acknowledged so far. */
  get acknowledged(): number {
    return this.workers.reduce(
      (sum, { figures }) => sum + figures.acknowledged,
      0,
    );
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
   * Publishes large events until a condition holds.
   *
   * @param most so many bytes at most
   */
  async flood(isEnough: () => boolean, most: number): Promise<void> {
    const padding = 256 * 1024;
    for (let left = most; left > 0 && !isEnough(); left -= padding) {
      await this.#probe.publish(this.#probe.next(), padding);
    }
  }

  /**
   * The engine is away for some nodes: at least for this long, and until they have said so and
   * every stream that was open has got a sign of life.
   *
   * @param duration of a long round, in milliseconds
   */
  async outage(nodes: readonly AppNode[], duration: number): Promise<void> {
    const { timeout, heartbeat } = this.options;
    const lives = this.browsers.map((browser) => browser.watchLife());
    await Promise.all([
      this.wait(duration),
      this.#within(
        timeout + heartbeat + SLACK,
        'nodes have said that the engine is away',
        () => this.#all(nodes, 'down'),
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
      await this.#publishProbes(left);
      return left.size === 0;
    });
    this.longestRecovery = Math.max(this.longestRecovery, Date.now() - start);
  }

  /** Ends the load, lets everyone get everything, and judges. */
  async finish(): Promise<readonly Complaint[]> {
    clearTimeout(this.#network);
    await Promise.all(this.workers.map((worker) => worker.stop()));
    await this.recover();
    const { places } = this.ledger;
    for (let count = -1; count !== places.length; await sleep(500)) {
      count = places.length;
    }
    for (const browser of this.browsers) {
      browser.stop();
    }
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
    clearTimeout(this.#network);
    for (const browser of this.browsers) {
      browser.stop();
    }
    await this.cluster.dispose();
    await Promise.all(this.workers.map((worker) => worker.stop()));
    for (const worker of [...this.workers, this.#probe]) {
      worker.close();
    }
  }

  #connect(): void {
    const { clients, workers } = this.options;
    for (let i = 0; i < clients; i++) {
      const parity = i % 3;
      const isOfTopic = parity < 2;
      const record = new ClientRecord(
        `Client ${i + 1}`,
        (event) => !isOfTopic || event % 2 === parity,
        this.ledger,
      );
      const topic = isOfTopic ? TOPICS[parity] : undefined;
      const { random } = this.#dice.fork();
      const browser = new Browser(
        record,
        this.nodes,
        topic,
        random,
        this.complain,
      );
      this.browsers.push(browser);
      browser.start();
    }
    for (let i = 0; i < workers * this.nodes.length; i++) {
      this.workers.push(this.#worker(i, i % 2 === 1));
    }
    this.#probe = this.#worker(this.workers.length, true);
    for (const worker of this.workers) {
      worker.start();
    }
    this.#loseNetworks();
  }

  #worker(number: number, keyed: boolean): Worker {
    return new Worker(
      number,
      keyed,
      this.nodes[number % this.nodes.length]!,
      this.nodes,
      this.ledger,
      this.#dice.fork().random,
      this.options.timeout + SLACK,
      this.complain,
    );
  }

  /** One client after the other is cut off, so that cursors travel all the time. */
  #loseNetworks(): void {
    const { least, most } = NETWORK;
    const wait = this.#dice.between(least, most) / this.browsers.length;
    this.#network = setTimeout(() => {
      this.#dice.pick(this.browsers.filter((one) => !one.isFrozen)).drop();
      this.#loseNetworks();
    }, wait);
  }

  async #publishProbes(left: Set<Browser>): Promise<void> {
    const probes = [this.#probe.next(0), this.#probe.next(1)];
    const waiting = [...left];
    const all = waiting.map(async (browser) => {
      const wanted = probes.filter(browser.record.selects);
      await Promise.all(wanted.map((probe) => browser.has(probe)));
      left.delete(browser);
    });
    for (const probe of probes) {
      await this.#probe.publish(probe);
    }
    await Promise.race([Promise.all(all), sleep(3_000)]);
    for (const browser of waiting) {
      probes.forEach((probe) => browser.forget(probe));
    }
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
