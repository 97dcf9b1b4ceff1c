import { type Draft, Refusal, addMovie } from './api';
import { backOff } from './back-off';

export interface UnsentMovie {
  draft: Draft;
  /** The same in every attempt, so that only one of them adds a movie. */
  idempotencyKey: string;
}

export type Sending =
  | { phase: 'idle' }
  | { phase: 'sending' }
  | { phase: 'waiting' }
  | { phase: 'refused'; refusal: Refusal }
  | { phase: 'sent'; title: string };

const STORED_AS = 'movie-events.unsent';

export function keep(draft: Draft): UnsentMovie {
  const movie = { draft, idempotencyKey: newKey() };
  localStorage.setItem(STORED_AS, JSON.stringify(movie));
  return movie;
}

export function readKept(): UnsentMovie | undefined {
  const stored = localStorage.getItem(STORED_AS);
  return stored ? JSON.parse(stored) : undefined;
}

export function forget({ idempotencyKey }: UnsentMovie): void {
  // Another tab may have kept a movie of its own meanwhile.
  if (readKept()?.idempotencyKey === idempotencyKey) {
    localStorage.removeItem(STORED_AS);
  }
}

/** Tries until the server has answered yes or no. */
export async function deliver(
  { draft, idempotencyKey }: UnsentMovie,
  stopped: AbortSignal,
  onProgress: (sending: Sending) => void,
): Promise<void> {
  for (let attempt = 1; !stopped.aborted; attempt++) {
    if (attempt === 1) {
      onProgress({ phase: 'sending' });
    }
    const outcome = await addMovie(draft, idempotencyKey).then(
      ({ title }): Sending => ({ phase: 'sent', title }),
      (error): Sending =>
        error instanceof Refusal
          ? { phase: 'refused', refusal: error }
          : { phase: 'waiting' },
    );
    if (stopped.aborted) {
      return;
    }
    onProgress(outcome);
    if (outcome.phase !== 'waiting') {
      return;
    }
    await pause(backOff(attempt), stopped);
  }
}

function pause(milliseconds: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    stopped.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

// Not crypto.randomUUID(), which a page has only on localhost and over HTTPS.
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
}
