import http from 'node:http';

/**
 * A client for load: it resumes by its cursor like a browser and keeps of each event
 * only the number in its data.
 */
export class ResumingClient {
  readonly numbers: number[] = [];
  /** The last list that a stream began with, which the numbers begin with too. */
  list: readonly number[] | undefined;
  resets = 0;
  connects = 0;
  lastEventId: string | undefined;
  #request: http.ClientRequest | undefined;
  #rest = '';

  constructor(private readonly url: string) {}

  get last(): number | undefined {
    return this.numbers.at(-1);
  }

  connect(): Promise<void> {
    this.drop();
    this.#rest = '';
    this.connects++;
    const headers: Record<string, string> =
      this.lastEventId === undefined
        ? {}
        : { 'last-event-id': this.lastEventId };
    return new Promise((resolve, reject) => {
      const request = http.get(
        this.url,
        { agent: false, headers },
        (response) => {
          response.setEncoding('utf8');
          response.on('data', (text: string) => {
            // Bytes that arrive after a drop belong to a connection that is given up.
            if (request === this.#request) {
              this.#feed(text);
            }
          });
          response.on('error', () => undefined);
          resolve();
        },
      );
      this.#request = request;
      request.on('error', (error) =>
        request.destroyed ? resolve() : reject(error),
      );
    });
  }

  drop(): void {
    this.#request?.destroy();
    this.#request = undefined;
  }

  /** Whole blocks count; a block that was cut off is discarded (WHATWG HTML, 9.2.6). */
  #feed(text: string): void {
    this.#rest += text;
    for (
      let end = this.#rest.indexOf('\n\n');
      end >= 0;
      end = this.#rest.indexOf('\n\n')
    ) {
      this.#block(this.#rest.slice(0, end));
      this.#rest = this.#rest.slice(end + 2);
    }
  }

  #block(block: string): void {
    let type = 'message';
    let data: string | undefined;
    for (const line of block.split('\n')) {
      if (line.startsWith('id: ')) {
        this.lastEventId = line.slice(4);
      } else if (line.startsWith('event: ')) {
        type = line.slice(7);
      } else if (line.startsWith('data: ')) {
        data = line.slice(6);
      }
    }
    if (type === 'list' && data !== undefined) {
      this.list = (JSON.parse(data) as { n: number }[]).map(({ n }) => n);
      this.numbers.splice(0, Infinity, ...this.list);
    } else if (type === 'hub.reset') {
      this.resets++;
    } else if (data !== undefined && !type.startsWith('hub.')) {
      this.numbers.push((JSON.parse(data) as { n: number }).n);
    }
  }
}
