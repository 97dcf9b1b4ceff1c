// better-sse on Express: a channel, and for bursts the event buffer that its guide on batching shows.
import { createServer } from 'node:http';
import { createChannel, createEventBuffer, createSession } from 'better-sse';
import express from 'express';
import { MOVIE_ADDED, movies, type Movie } from './movie.js';
import { answerFor } from './serve.js';

const channel = createChannel();
let lastId = 0;

function publish(movie: Movie): void {
  channel.broadcast(movie, MOVIE_ADDED, { eventId: String(++lastId) });
}

async function publishBatch(batch: Movie[]): Promise<void> {
  const buffer = createEventBuffer();
  for (const movie of batch) buffer.push(movie, MOVIE_ADDED, String(++lastId));
  await Promise.all(
    channel.activeSessions.map((session) => session.batch(buffer)),
  );
}

const app = express();
app.use(express.json());

app.get('/events', async (request, response) => {
  channel.register(await createSession(request, response));
});

app.post('/publish', async (request, response) => {
  const batch = movies(request.body, Number(request.query.count ?? 1));
  if (batch.length === 1) publish(batch[0]);
  else await publishBatch(batch);
  response.status(204).end();
});

const server = createServer(app);
server.listen(0, '127.0.0.1', () => answerFor(server));
