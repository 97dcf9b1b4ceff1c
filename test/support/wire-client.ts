import { createHash } from 'node:crypto';
import net from 'node:net';

/** How much of the end `WireClient.tail` keeps. */
const TAIL = 1024;

/** A socket for tests on bytes, many of them: nothing is decoded while it receives. */
export class WireClient {
  /** Bytes received so far. */
  received = 0;
  /** The end of what was received, as text. */
  tail = '';
  closed = false;
  readonly #chunks: Buffer[] = [];
  /** The end of what was received before the last chunk, as text. */
  #before = '';
  readonly #waiting = new Set<() => void>();

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.received += chunk.length;
      this.#before = this.tail;
      this.tail = (
        this.tail + chunk.toString('latin1', Math.max(0, chunk.length - TAIL))
      ).slice(-TAIL);
      this.#check();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#check();
    });
  }

  static async connect(port: number): Promise<WireClient> {
    const socket = net.connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const client = new WireClient(socket);
    open.add(client);
    return client;
  }

  /** Connects and asks for a path. */
  static async get(
    port: number,
    path: string,
    headers?: Record<string, string>,
  ): Promise<WireClient> {
    const client = await WireClient.connect(port);
    client.send('GET', path, headers);
    return client;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Sends a request without a body. */
  send(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    version = '1.1',
  ): void {
    const lines = Object.entries({ Host: 'localhost', ...headers }).map(
      ([k, v]) => `${k}: ${v}\r\n`,
    );
    this.socket.write(
      `${method} ${path} HTTP/${version}\r\n${lines.join('')}\r\n`,
    );
  }

  /** Waits for a condition on this client, which is asked again whenever bytes arrive. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (condition()) {
          this.#waiting.delete(check);
          resolve();
        }
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Waits until the newest bytes hold a text, wherever in the last chunk. */
  untilTail(text: string): Promise<void> {
    return this.until(
      () => this.tail.includes(text) || this.#lastChunkBrought(text),
    );
  }

  /** Reads one chunk of whatever size the system gives, and stops reading again. */
  async readStep(): Promise<void> {
    const before = this.received;
    this.socket.once('data', () => this.socket.pause());
    this.socket.resume();
    await this.until(() => this.received > before || this.closed);
  }

  #lastChunkBrought(text: string): boolean {
    const chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.length <= TAIL) {
      return false;
    }
    const begin = chunk.toString('latin1', 0, text.length);
    return (
      chunk.includes(text, 0, 'latin1') || (this.#before + begin).includes(text)
    );
  }

  #check(): void {
    for (const check of this.#waiting) {
      check();
    }
  }
}

const open = new Set<WireClient>();

/** Destroys what the tests of a file connected; for `afterEach`. */
export function destroyWireClients(): void {
  for (const { socket } of open) {
    socket.destroy();
  }
  open.clear();
}

/** Texts so short that a failed comparison can be read. */
export function brief(texts: readonly string[]): string[] {
  return texts.map((text) =>
    text.length < 200
      ? text
      : `${text.slice(0, 60)}… ${text.length} ${createHash('sha1').update(text).digest('hex')}`,
  );
}
