import { SseTestClient } from 'nestjs-sse-hub/testing';

interface Movie {
  readonly id: number;
  readonly title: string;
}

/**
 * Keeps a list of movies as a page does, over whatever happens to its stream: it comes back at
 * once, with its cursor.
 */
export class ListWatcher {
  readonly movies = new Map<number, Movie>();
  /** The ids of `movie.added`, as they came. */
  readonly added: number[] = [];
  /** Statuses of all connects. Any but 200 would end a browser's EventSource. */
  readonly statuses: number[] = [];
  resets = 0;
  private read = 0;
  private closed = false;

  private constructor(private readonly client: SseTestClient) {}

  /** @param base the address of a node or a balancer */
  static async open(base: string): Promise<ListWatcher> {
    const watcher = new ListWatcher(
      await SseTestClient.connect(`${base}/events`, { timeout: Infinity }),
    );
    void watcher.follow();
    return watcher;
  }

  /** How often it has lost its stream and come back. */
  get returns(): number {
    return this.statuses.length - 1;
  }

  /** The number that the page shows as "watching". */
  get watching(): number | undefined {
    const last = this.client.received.findLast(
      ({ type }) => type === 'watching',
    );
    return last && last.data.count;
  }

  has(movie: Movie): Promise<void> {
    return this.until(() => this.movies.get(movie.id)?.title === movie.title);
  }

  until(condition: () => boolean): Promise<void> {
    return this.client.until(() => {
      this.apply();
      return condition();
    });
  }

  close(): Promise<void> {
    this.closed = true;
    return this.client.close();
  }

  private async follow(): Promise<void> {
    while (!this.closed) {
      this.statuses.push(this.client.status);
      await this.client.untilClosed();
      if (!this.closed) {
        await this.client.reconnect();
      }
    }
  }

  private apply(): void {
    for (; this.read < this.client.received.length; this.read++) {
      const { type, data } = this.client.received[this.read]!;
      const movie: Movie = data;
      switch (type) {
        case 'movie.added':
          this.added.push(movie.id);
          this.movies.set(movie.id, movie);
          break;
        case 'movie.changed':
          this.movies.set(movie.id, movie);
          break;
        case 'movie.removed':
          this.movies.delete(movie.id);
          break;
        case 'hub.reset':
          this.resets++;
      }
    }
  }
}
