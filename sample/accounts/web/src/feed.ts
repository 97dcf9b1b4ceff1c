import type { Snapshot } from './api';
import { backOff } from './back-off';

export type Connection =
  | { phase: 'connecting' }
  | { phase: 'live'; afterGap: boolean }
  | { phase: 'reconnecting'; attempt: number }
  | { phase: 'catching up' }
  /** The server has ended the stream, and said why. */
  | { phase: 'closed'; reason: string };

export interface FeedSource<List> {
  /** The stream's address. */
  path: string;
  /** The types to listen for. */
  types: readonly string[];
  /** Loads what there is, before the stream tells what comes. */
  load?: (signal: AbortSignal) => Promise<Snapshot<List>>;
}

export interface FeedListener<List> {
  onConnection(connection: Connection): void;
  onLoaded?(list: List): void;
  onEvent(event: { type: string; data: any; lastEventId: string }): void;
  /**
   * The server may have said no, or what it said of the user is lost: who is signed in
   * should be asked.
   */
  onRefused(): void;
}

const HUB_TYPES = ['hub.reset', 'hub.error', 'hub.complete', 'hub.closed'];

// After these the server wants the page back, and the browser sees to it.
const TEMPORARY = ['unavailable', 'overloaded'];

// A stream may be dead after either, and nothing would tell for minutes.
const NETWORK_CHANGES = ['online', 'offline'];

/**
 * Loads a list and listens to what comes after it. A lost connection is the
 * browser's to mend; here is what it leaves to the page:
 *
 * - It gives up after any status but 200. A proxy's 502 will pass, a 401 will
 *   not: `onRefused` finds out, and the stream is opened again meanwhile.
 * - The server ends the stream for good (signed out, expired, revoked,
 *   replaced): without `close()` the browser would come back again and again.
 * - The server cannot replay everything: the list is loaded again.
 */
export class Feed<List> {
  private source?: EventSource;
  private loading?: AbortController;
  private timer?: ReturnType<typeof setTimeout>;
  private cursor?: string;
  private attempt = 0;
  private afterGap = false;

  constructor(
    private readonly from: FeedSource<List>,
    private readonly listener: FeedListener<List>,
  ) {}

  open(): void {
    this.listener.onConnection({ phase: 'connecting' });
    for (const change of NETWORK_CHANGES) {
      window.addEventListener(change, this.onNetworkChange);
    }
    this.connect();
  }

  close(): void {
    for (const change of NETWORK_CHANGES) {
      window.removeEventListener(change, this.onNetworkChange);
    }
    this.disconnect();
  }

  /** Connects from where it is, at once, whatever it is waiting for. */
  readonly retryNow = (): void => {
    this.disconnect();
    this.connect();
  };

  private readonly onNetworkChange = (): void => {
    // Not what has ended for good.
    if (this.source || this.loading || this.timer) {
      this.retryNow();
    }
  };

  private connect(): void {
    if (this.from.load && !this.cursor) {
      void this.load(this.from.load);
    } else {
      this.listen();
    }
  }

  private async load(
    load: (signal: AbortSignal) => Promise<Snapshot<List>>,
  ): Promise<void> {
    const loading = new AbortController();
    this.loading = loading;
    try {
      const { data, cursor } = await load(loading.signal);
      if (!loading.signal.aborted) {
        this.listener.onLoaded?.(data);
        this.cursor = cursor;
        this.listen();
        if (this.afterGap) {
          this.listener.onRefused();
        }
      }
    } catch {
      if (!loading.signal.aborted) {
        this.reopenLater();
      }
    }
  }

  private listen(): void {
    const query = this.cursor ? `?lastEventId=${this.cursor}` : '';
    const source = new EventSource(this.from.path + query);
    source.onopen = () => {
      this.attempt = 0;
      this.listener.onConnection({ phase: 'live', afterGap: this.afterGap });
      this.afterGap = false;
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        this.reopenLater();
      } else {
        this.reconnecting();
      }
    };
    for (const type of [...this.from.types, 'hub.checkpoint', ...HUB_TYPES]) {
      source.addEventListener(type, this.receive);
    }
    this.source = source;
  }

  private readonly receive = (event: MessageEvent<string>): void => {
    const { type, lastEventId } = event;
    this.cursor = lastEventId || this.cursor;
    const data = JSON.parse(event.data);
    switch (type) {
      case 'hub.checkpoint':
        return;
      case 'hub.reset':
      case 'hub.error':
        return this.startOver();
      case 'hub.complete':
        return this.end('complete');
      case 'hub.closed':
        return TEMPORARY.includes(data.reason)
          ? undefined
          : this.end(data.reason);
      default:
        return this.listener.onEvent({ type, data, lastEventId });
    }
  };

  private end(reason: string): void {
    this.disconnect();
    this.listener.onConnection({ phase: 'closed', reason });
  }

  /** A fresh list, then the stream from where that list ends. */
  private startOver(): void {
    this.disconnect();
    this.cursor = undefined;
    this.afterGap = true;
    this.listener.onConnection({ phase: 'catching up' });
    // Not at once: after a restart, every open page starts over.
    this.timer = setTimeout(this.retryNow, Math.random() * 500);
  }

  private reopenLater(): void {
    this.disconnect();
    this.reconnecting();
    this.timer = setTimeout(this.retryNow, backOff(this.attempt));
    this.listener.onRefused();
  }

  private reconnecting(): void {
    this.attempt += 1;
    this.listener.onConnection({
      phase: 'reconnecting',
      attempt: this.attempt,
    });
  }

  private disconnect(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.loading?.abort();
    this.loading = undefined;
    this.source?.close();
    this.source = undefined;
  }
}
