import net from 'node:net';

/** A socket on which a test writes requests and reads bytes as they are. */
export class RawClient {
  bytes = Buffer.alloc(0);
  closed = false;
  readonly #waiting = new Set<() => void>();

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.#check();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#check();
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = net.connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  get text(): string {
    return this.bytes.toString('utf8');
  }

  /** Sends a request without a body. */
  get(
    path: string,
    headers: Record<string, string> = {},
    version = '1.1',
  ): void {
    const lines = Object.entries({ Host: 'localhost', ...headers }).map(
      ([k, v]) => `${k}: ${v}`,
    );
    this.socket.write(
      `GET ${path} HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n`,
    );
  }

  until(condition: (text: string) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (condition(this.text)) {
          this.#waiting.delete(check);
          resolve();
        }
      };
      this.#waiting.add(check);
      check();
    });
  }

  #check(): void {
    for (const check of Array.from(this.#waiting)) {
      check();
    }
  }
}
