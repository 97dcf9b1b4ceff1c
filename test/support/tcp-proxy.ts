import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';

/** One connection through the proxy. */
interface Pair {
  readonly client: net.Socket;
  readonly server: net.Socket;
  /** What waits to pass, in the order in which it came. */
  passing: Promise<void>;
}

/** Which bytes from a client `cutBeforeReply` waits for, and who waits for the cut. */
interface Cut {
  readonly pattern: string;
  readonly done: () => void;
}

/** Stands between a client and a server on the loopback interface, and does what networks do. */
export class TcpProxy {
  readonly #pairs = new Set<Pair>();
  #cuts: Cut[] = [];
  #delay = 0;
  #held: Promise<void> | undefined;
  #release: (() => void) | undefined;
  #dropsReplies = false;
  #refuses = false;

  private constructor(
    private readonly listener: net.Server,
    private readonly target: number,
  ) {
    listener.on('connection', (client) => this.#connect(client));
  }

  /** @param target the server's port */
  static async start(target: number): Promise<TcpProxy> {
    const listener = net.createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new TcpProxy(listener, target);
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** For a client of a Redis server behind it. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Ends all connections at once; new ones pass. */
  cut(): void {
    for (const pair of this.#pairs) {
      close(pair);
    }
  }

  /** New connections are ended at once, until `accept`. */
  refuse(): void {
    this.#refuses = true;
  }

  accept(): void {
    this.#refuses = false;
  }

  /** What passes from now on is so much later, in both directions and in order. */
  delay(ms: number): void {
    this.#delay = ms;
  }

  /** Nothing passes in either direction, and nobody is told: connections stay, new ones come. Until `release`. */
  hold(): void {
    this.#held ??= new Promise((resolve) => (this.#release = resolve));
  }

  /** What was held passes. */
  release(): void {
    this.#release?.();
    this.#held = undefined;
  }

  /** What the server says is lost, until told otherwise. */
  dropReplies(drops = true): void {
    this.#dropsReplies = drops;
  }

  /**
   * The next command with this text reaches the server; instead of its reply the client gets the end of
   * its connection. Resolves then.
   */
  cutBeforeReply(pattern: string): Promise<void> {
    return new Promise((done) => this.#cuts.push({ pattern, done }));
  }

  async stop(): Promise<void> {
    this.release();
    this.cut();
    const closed = once(this.listener, 'close');
    this.listener.close();
    await closed;
  }

  #connect(client: net.Socket): void {
    if (this.#refuses) {
      client.destroy();
      return;
    }
    const server = net.connect(this.target, '127.0.0.1');
    const pair: Pair = { client, server, passing: Promise.resolve() };
    this.#pairs.add(pair);
    let cut: Cut | undefined;
    client.on('data', (chunk) => {
      cut ??= this.#takeCut(chunk);
      this.#pass(pair, () => server.write(chunk));
    });
    server.on('data', (chunk) => {
      if (cut !== undefined) {
        cut.done();
        close(pair);
      } else if (!this.#dropsReplies) {
        this.#pass(pair, () => client.write(chunk));
      }
    });
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        close(pair);
      });
    }
  }

  #takeCut(chunk: Buffer): Cut | undefined {
    const cut = this.#cuts.find(({ pattern }) => chunk.includes(pattern));
    this.#cuts = this.#cuts.filter((one) => one !== cut);
    return cut;
  }

  #pass(pair: Pair, write: () => void): void {
    const due = Date.now() + this.#delay;
    const held = this.#held;
    if (this.#delay === 0 && held === undefined) {
      // Behind what waits, if anything does.
      pair.passing = pair.passing.then(write);
      return;
    }
    pair.passing = pair.passing
      .then(() => held)
      .then(
        () =>
          new Promise<void>((resolve) =>
            setTimeout(resolve, Math.max(0, due - Date.now())).unref(),
          ),
      )
      .then(write);
  }
}

function close({ client, server }: Pair): void {
  client.destroy();
  server.destroy();
}
