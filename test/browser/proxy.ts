import { once } from 'node:events';
import {
  type IncomingMessage,
  type Server,
  createServer,
  request,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of a request; a string is answered as an event stream. */
type Fate = 'pass' | 'hold' | 'lose the answer' | number | { stream: string };

/** Stands between page and app, as nginx does, and fails as it is told to. */
export class Proxy {
  fate: (request: IncomingMessage) => Fate = () => 'pass';
  readonly requests: string[] = [];
  private readonly server: Server;

  private constructor(private readonly target: string) {
    this.server = createServer((incoming, outgoing) => {
      this.requests.push(`${incoming.method} ${incoming.url}`);
      const fate = this.fate(incoming);
      if (typeof fate === 'number') {
        outgoing.writeHead(fate).end();
      } else if (typeof fate === 'object') {
        outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' });
        outgoing.write(fate.stream);
      } else if (fate !== 'hold') {
        const onward = request(
          this.target + incoming.url,
          { method: incoming.method, headers: incoming.headers },
          (answer) => {
            if (fate === 'lose the answer') {
              outgoing.destroy();
              return;
            }
            outgoing.writeHead(answer.statusCode!, answer.headers);
            outgoing.flushHeaders();
            answer.on('error', () => outgoing.destroy());
            answer.pipe(outgoing);
          },
        );
        onward.on('error', () => outgoing.destroy());
        outgoing.on('close', () => onward.destroy());
        incoming.pipe(onward);
      }
    });
  }

  static async create(target: string): Promise<Proxy> {
    const proxy = new Proxy(target);
    proxy.server.listen(0);
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  /** Cuts every connection, open streams too. */
  cut(): void {
    this.server.closeAllConnections();
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.cut();
    await closed;
  }
}
