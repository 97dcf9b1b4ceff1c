// The floor: node:http, and one buffer with its chunk framing done once, written to every socket.
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { json } from 'node:stream/consumers';
import type { Socket } from 'node:net';
import { MOVIE_ADDED, movies, type Movie } from './movie.js';
import { answerFor } from './serve.js';

const sockets = new Set<Socket>();
let lastId = 0;

function frame(movie: Movie): string {
  return `event: ${MOVIE_ADDED}\nid: ${++lastId}\ndata: ${JSON.stringify(movie)}\n\n`;
}

function chunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}

function subscribe(response: ServerResponse): void {
  const socket = response.socket!;
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-store, no-transform',
  });
  response.flushHeaders();
  sockets.add(socket);
  response.on('close', () => sockets.delete(socket));
}

async function publish(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { searchParams } = new URL(request.url!, 'http://localhost');
  const batch = movies(
    (await json(request)) as Movie,
    Number(searchParams.get('count') ?? 1),
  );
  const bytes = chunk(batch.map(frame).join(''));
  for (const socket of sockets) socket.write(bytes);
  response.writeHead(204).end();
}

const server = createServer((request, response) => {
  if (request.method === 'POST') void publish(request, response);
  else subscribe(response);
});
server.listen(0, '127.0.0.1', () => answerFor(server));
