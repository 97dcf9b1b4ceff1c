import type { Genre, Movie } from '../../src/movies/movie';

/** A form's content as typed: whether it is a movie is for the server to say. */
export interface Draft {
  title: string;
  year: number | string;
  genre: string;
}

export interface Snapshot {
  data: Movie[];
  cursor: string;
}

/** The server has said no: asking again with the same will not help. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly fields: Record<string, string[]> = {},
  ) {
    super(message);
  }
}

/** No answer, or one that says "not now": asking again will help. */
export class Unavailable extends Error {}

export function loadMovies(genre: Genre | undefined, signal: AbortSignal) {
  const query = genre ? `?genre=${genre}` : '';
  return request<Snapshot>('GET', `/movies${query}`, { signal });
}

export function addMovie(draft: Draft, idempotencyKey: string) {
  return request<Movie>('POST', '/movie', {
    body: draft,
    headers: { 'Idempotency-Key': idempotencyKey },
  });
}

export function changeMovie(id: number, draft: Draft) {
  return request<Movie>('PATCH', `/movie/${id}`, { body: draft });
}

export async function removeMovie(id: number): Promise<void> {
  try {
    await request('DELETE', `/movie/${id}`);
  } catch (error) {
    // Somebody else was faster; it is gone, which is what was asked for.
    if (!(error instanceof Refusal && error.status === 404)) {
      throw error;
    }
  }
}

interface RequestOptions {
  body?: Draft;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const ANSWER_WITHIN = 10_000;

async function request<Answer>(
  method: string,
  path: string,
  { body, headers, signal }: RequestOptions = {},
): Promise<Answer> {
  const timeout = AbortSignal.timeout(ANSWER_WITHIN);
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers: { 'Content-Type': 'application/json', ...headers },
      body: body && JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch {
    throw new Unavailable('The server cannot be reached.');
  }
  if (response.ok) {
    return (text ? JSON.parse(text) : undefined) as Answer;
  }
  if (response.status >= 500 || [408, 425, 429].includes(response.status)) {
    throw new Unavailable(`The server answers ${response.status}.`);
  }
  throw toRefusal(response.status, text);
}

function toRefusal(status: number, text: string): Refusal {
  const message = readMessage(text);
  if (typeof message === 'object') {
    return new Refusal('Please check the marked fields.', status, message);
  }
  return new Refusal(message ?? `The server answers ${status}.`, status);
}

// A proxy's error page is no JSON.
function readMessage(
  text: string,
): string | Record<string, string[]> | undefined {
  try {
    return JSON.parse(text).message;
  } catch {
    return undefined;
  }
}
