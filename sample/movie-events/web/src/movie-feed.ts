import type { Genre, Movie } from '../../src/movies/movie';
import { loadMovies } from './api';
import { backOff } from './back-off';

export type Connection =
  | { phase: 'connecting' }
  | { phase: 'live'; afterGap: boolean }
  | { phase: 'reconnecting'; attempt: number }
  | { phase: 'catching up' }
  | { phase: 'ended' };

export interface FeedEvent {
  type: string;
  /** The cursor after this event; empty before the first one that has an id. */
  lastEventId: string;
  data: string;
}

export interface FeedListener {
  onConnection(connection: Connection): void;
  onMovies(movies: Movie[]): void;
  onEvent(event: FeedEvent): void;
}

const EVENT_TYPES = [
  'movie.added',
  'movie.changed',
  'movie.removed',
  'watching',
  'hub.checkpoint',
  'hub.reset',
  'hub.error',
  'hub.complete',
  'hub.closed',
];

// After these the server wants the page back, and the browser sees to it.
const TEMPORARY = ['unavailable', 'overloaded'];

// A stream may be dead after either, and nothing would tell for minutes.
const NETWORK_CHANGES = ['online', 'offline'];

/**
 * Keeps a list of movies current: loads it, then listens from the cursor that
 * came with it. There are three ways to lose the stream, and one back:
 *
 * - The connection breaks: the browser reconnects by itself and the server
 *   replays what was missed.
 * - The browser gives up, as it does after any status but 200 (a proxy's 502):
 *   the stream is opened again here, from the last cursor.
 * - The server says that it cannot replay everything: the list is loaded again.
 */
export class MovieFeed {
  private source?: EventSource;
  private loading?: AbortController;
  private timer?: ReturnType<typeof setTimeout>;
  private cursor?: string;
  private attempt = 0;
  private afterGap = false;

  constructor(
    private readonly genre: Genre | undefined,
    private readonly listener: FeedListener,
  ) {}

  open(): void {
    this.listener.onConnection({ phase: 'connecting' });
    for (const change of NETWORK_CHANGES) {
      window.addEventListener(change, this.retryNow);
    }
    void this.load();
  }

  close(): void {
    for (const change of NETWORK_CHANGES) {
      window.removeEventListener(change, this.retryNow);
    }
    this.disconnect();
  }

  /** Connects from where it is, at once, whatever it is waiting for. */
  readonly retryNow = (): void => {
    this.disconnect();
    if (this.cursor) {
      this.listen(this.cursor);
    } else {
      void this.load();
    }
  };

  private async load(): Promise<void> {
    const loading = new AbortController();
    this.loading = loading;
    try {
      const { data, cursor } = await loadMovies(this.genre, loading.signal);
      if (!loading.signal.aborted) {
        this.listener.onMovies(data);
        this.listen(cursor);
      }
    } catch {
      if (!loading.signal.aborted) {
        this.reconnecting();
        this.retryIn(backOff(this.attempt));
      }
    }
  }

  private listen(cursor: string): void {
    this.cursor = cursor;
    const query = new URLSearchParams({ lastEventId: cursor });
    if (this.genre) {
      query.set('genre', this.genre);
    }
    const source = new EventSource(`/events?${query}`);
    source.onopen = () => {
      this.attempt = 0;
      this.listener.onConnection({ phase: 'live', afterGap: this.afterGap });
      this.afterGap = false;
    };
    source.onerror = () => {
      this.reconnecting();
      if (source.readyState === EventSource.CLOSED) {
        this.retryIn(backOff(this.attempt));
      }
    };
    for (const type of EVENT_TYPES) {
      source.addEventListener(type, this.receive);
    }
    this.source = source;
  }

  private readonly receive = (event: MessageEvent<string>): void => {
    this.cursor = event.lastEventId || this.cursor;
    this.listener.onEvent(event);
    switch (event.type) {
      case 'hub.reset':
      case 'hub.error':
        return this.startOver();
      case 'hub.complete':
        return this.end();
      case 'hub.closed':
        return TEMPORARY.includes(JSON.parse(event.data).reason)
          ? undefined
          : this.end();
    }
  };

  private end(): void {
    this.disconnect();
    this.listener.onConnection({ phase: 'ended' });
  }

  /** A fresh list, then the stream from where that list ends. */
  private startOver(): void {
    this.disconnect();
    this.cursor = undefined;
    this.afterGap = true;
    this.listener.onConnection({ phase: 'catching up' });
    // Not at once: after a restart, every open page starts over.
    this.retryIn(Math.random() * 500);
  }

  private reconnecting(): void {
    this.attempt += 1;
    this.listener.onConnection({
      phase: 'reconnecting',
      attempt: this.attempt,
    });
  }

  private retryIn(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.retryNow, milliseconds);
  }

  private disconnect(): void {
    clearTimeout(this.timer);
    this.loading?.abort();
    this.source?.close();
    this.source = undefined;
  }
}
