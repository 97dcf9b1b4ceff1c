import { Agent, request } from 'node:http';
import type { Movie } from '../servers/movie.js';

/** Publishes over one kept-alive connection. */
export class Publisher {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly port: number) {}

  /** Resolves when the server has answered. */
  publish(path: string, number: number): Promise<void> {
    const body = JSON.stringify(movie(number));
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

function movie(number: number): Movie {
  return {
    title: 'The Cabinet of Dr. Caligari',
    year: 1920,
    genre: 'horror',
    overview:
      'A hypnotist uses a somnambulist to commit murders in a town at the foot of a hill.',
    number,
  };
}
