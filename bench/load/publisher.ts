import { Agent, request } from 'node:http';
import { movieNumbered } from '../servers/movie.js';

/** Publishes over one kept-alive connection. */
export class Publisher {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly port: number) {}

  /** Resolves when the server has answered. */
  publish(path: string, number: number): Promise<void> {
    const body = JSON.stringify(movieNumbered(number));
    return new Promise((resolve, reject) => {
      const post = request({
        port: this.port,
        host: '127.0.0.1',
        method: 'POST',
        path,
        agent: this.agent,
        headers: {
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(body),
        },
      });
      post.on('error', reject);
      post.on('response', (response) => {
        response.resume();
        if (response.statusCode! < 300) response.on('end', resolve);
        else reject(new Error(`POST ${path} answered ${response.statusCode}`));
      });
      post.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
