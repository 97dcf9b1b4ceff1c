import { setTimeout as sleep } from 'node:timers/promises';
import { TOPICS } from '../app/messages.js';
import type { AppNode } from '../cluster/app-node.js';
import { ClientRecord } from '../judgement/client-record.js';
import type { Ledger } from '../judgement/ledger.js';
import type { Dice } from '../schedule/dice.js';
import { Browser } from './browser.js';
import { Worker } from './worker.js';

export interface CrowdOptions {
  /** Clients; of three one has the even events, one the odd ones, and one all. */
  readonly clients: number;
  /** Publishers of each node. */
  readonly workers: number;
  /** What a node may take for any answer, in milliseconds. */
  readonly patience: number;
}

/** What clients and publishers have to do with. */
export interface Surroundings {
  readonly nodes: readonly AppNode[];
  readonly ledger: Ledger;
  readonly dice: Dice;
  /** Takes what no fault explains. */
  readonly complain: (text: string) => void;
}

/** Between a client's losses of its network, in milliseconds. */
const NETWORK = { least: 500, most: 6_000 } as const;

/** How long a probe may take before another is sent, in milliseconds. */
const PROBE = 3_000;

/** The data of a large event, in bytes. */
const LARGE = 256 * 1024;

/** All clients and publishers. */
export class Crowd {
  readonly browsers: readonly Browser[];
  readonly workers: readonly Worker[];
  /** Publishes on demand, until it is acknowledged. */
  readonly #probe: Worker;
  readonly #dice: Dice;
  #network: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: CrowdOptions,
    private readonly surroundings: Surroundings,
  ) {
    const { clients, workers } = options;
    const { nodes, dice } = surroundings;
    const range = (length: number) => Array.from({ length }, (_, i) => i);
    this.#dice = dice;
    this.browsers = range(clients).map((i) => this.#browser(i));
    const count = workers * nodes.length;
    this.workers = range(count).map((i) => this.#worker(i, i % 2 === 1));
    this.#probe = this.#worker(count, true);
  }

  /** How many events were acknowledged so far. */
  get acknowledged(): number {
    return this.workers.reduce(
      (sum, { figures }) => sum + figures.acknowledged,
      0,
    );
  }

  start(): void {
    this.browsers.forEach((browser) => browser.start());
    this.workers.forEach((worker) => worker.start());
    this.#loseNetworks();
  }

  /** Resolves when the last publish is answered; clients stay, and their networks are well. */
  async quiet(): Promise<void> {
    clearTimeout(this.#network);
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }

  leave(): void {
    clearTimeout(this.#network);
    this.browsers.forEach((browser) => browser.stop());
  }

  close(): void {
    [...this.workers, this.#probe].forEach((worker) => worker.close());
  }

  /** Publishes an event of each topic, and takes out of `left` who has got it in time. */
  async probe(left: Set<Browser>): Promise<void> {
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
    await Promise.race([Promise.all(all), sleep(PROBE)]);
    for (const browser of waiting) {
      probes.forEach((probe) => browser.forget(probe));
    }
  }

  /**
   * Publishes large events until a condition holds.
   *
   * @param most so many bytes at most
   */
  async flood(isEnough: () => boolean, most: number): Promise<void> {
    for (let left = most; left > 0 && !isEnough(); left -= LARGE) {
      await this.#probe.publish(this.#probe.next(), LARGE);
    }
  }

  #browser(i: number): Browser {
    const { nodes, ledger, complain } = this.surroundings;
    const parity = i % 3;
    const hasAll = parity === 2;
    const selects = (event: number) => hasAll || event % 2 === parity;
    return new Browser(
      new ClientRecord(`Client ${i + 1}`, selects, ledger),
      nodes,
      hasAll ? undefined : TOPICS[parity],
      this.#dice.fork().random,
      complain,
    );
  }

  #worker(i: number, keyed: boolean): Worker {
    const { nodes, ledger, complain } = this.surroundings;
    return new Worker(
      i,
      keyed,
      nodes[i % nodes.length]!,
      nodes,
      ledger,
      this.#dice.fork().random,
      this.options.patience,
      complain,
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
}
