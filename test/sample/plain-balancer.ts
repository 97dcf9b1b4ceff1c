import { once } from 'node:events';
import {
  type IncomingMessage,
  type Server,
  type ServerResponse,
  createServer,
  request,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Balancer } from './balancer.js';

/** As much of nginx as the test needs: in turn, and on to the next when a node does not answer. */
export class PlainBalancer implements Balancer {
  private turn = 0;
  private readonly server: Server;

  private constructor(private readonly nodes: readonly number[]) {
    this.server = createServer((incoming, outgoing) => {
      void buffer(incoming).then((body) =>
        this.pass(incoming, outgoing, body, this.turn++, nodes.length),
      );
    });
  }

  static async start(nodes: readonly number[]): Promise<PlainBalancer> {
    const balancer = new PlainBalancer(nodes);
    balancer.server.listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    return balancer;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private pass(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Buffer,
    turn: number,
    tries: number,
  ): void {
    const { method, url, headers } = incoming;
    const port = this.nodes[turn % this.nodes.length];
    const onward = request({
      host: '127.0.0.1',
      port,
      agent: false,
      method,
      path: url,
      headers: { ...headers, connection: 'close' },
    });
    onward.on('response', (answer) => {
      outgoing.setHeader('X-Node', `127.0.0.1:${port}`);
      outgoing.writeHead(answer.statusCode!, answer.headers);
      outgoing.flushHeaders();
      answer.on('error', () => outgoing.destroy());
      answer.pipe(outgoing);
    });
    onward.on('error', (error: NodeJS.ErrnoException) => {
      if (outgoing.headersSent) {
        outgoing.destroy();
      } else if (
        tries > 1 &&
        // As nginx does: again where nothing can have been done, or nothing is changed by it.
        (error.code === 'ECONNREFUSED' || method === 'GET')
      ) {
        this.pass(incoming, outgoing, body, turn + 1, tries - 1);
      } else {
        outgoing.writeHead(502).end();
      }
    });
    outgoing.on('close', () => onward.destroy());
    onward.end(body);
  }
}
