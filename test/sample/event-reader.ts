import { EventSource } from 'eventsource';

export interface ReadEvent {
  type: string;
  id: string;
  data: any;
}

const TYPES = [
  'movie.added',
  'movie.changed',
  'movie.removed',
  'movie.recommended',
  'watching',
  'hub.checkpoint',
  'hub.reset',
];

/** An EventSource that keeps what it gets. */
export class EventReader {
  readonly events: ReadEvent[] = [];
  private readonly source: EventSource;
  private readonly end: Promise<unknown>;
  private readonly waiting: (() => void)[] = [];

  private constructor(url: string, headers: Record<string, string>) {
    this.source = new EventSource(url, {
      fetch: (input, init) =>
        fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
    });
    for (const type of TYPES) {
      this.source.addEventListener(type, ({ lastEventId, data }) => {
        this.events.push({ type, id: lastEventId, data: JSON.parse(data) });
        this.waiting.splice(0).forEach((wake) => wake());
      });
    }
    this.end = new Promise((resolve) =>
      this.source.addEventListener('error', resolve),
    );
  }

  static async open(
    url: string,
    headers: Record<string, string> = {},
  ): Promise<EventReader> {
    const reader = new EventReader(url, headers);
    await new Promise((resolve, reject) => {
      reader.source.onopen = resolve;
      reader.source.onerror = reject;
    });
    return reader;
  }

  /** The movies of the events that matter to a list. */
  get titles(): string[] {
    return this.events.flatMap(({ data }) => data.title ?? []);
  }

  /** Resolves with the first event that matches, come or to come. */
  async until(matches: (event: ReadEvent) => boolean): Promise<ReadEvent> {
    for (;;) {
      const found = this.events.find(matches);
      if (found) {
        return found;
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** Resolves when the stream breaks or ends, or has already. */
  ended(): Promise<unknown> {
    return this.end;
  }

  close(): void {
    this.source.close();
  }
}
