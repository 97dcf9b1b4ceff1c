import type { Message } from '../../src/chat/message';
import type { Present } from '../../src/chat/present';
import { backOff } from './back-off';

export type Connection =
  | { phase: 'connecting' }
  | { phase: 'live'; afterGap: boolean }
  | { phase: 'reconnecting'; attempt: number }
  | { phase: 'catching up' }
  /** The server has ended the stream, and said why. */
  | { phase: 'ended'; reason: string };

export interface FeedListener {
  onConnection(connection: Connection): void;
  /** What there is, in place of whatever was shown. */
  onHistory(messages: Message[]): void;
  onMessage(message: Message): void;
  onPresent(present: Present): void;
}

// After these the server wants the page back, and the browser sees to it.
const TEMPORARY = ['unavailable', 'overloaded'];

// A stream may be dead after either, and nothing would tell for minutes.
const NETWORK_CHANGES = ['online', 'offline'];

/**
 * Listens to the chat: the history first, then what is said. There are three ways to lose the
 * stream, and one back:
 *
 * - The connection breaks: the browser reconnects by itself, and gets what it missed.
 * - The browser gives up, as it does after any status but 200 (a proxy's 502): the stream is
 *   opened again here, from the last cursor.
 * - The server says that it cannot tell all that was missed: the stream is opened without a
 *   cursor, and begins with the history.
 */
export class ChatFeed {
  private source?: EventSource;
  private timer?: ReturnType<typeof setTimeout>;
  /** Where it is; the first comes behind the history, which who has a cursor does not get. */
  private cursor?: string;
  private attempt = 0;
  private afterGap = false;

  constructor(private readonly listener: FeedListener) {}

  open(): void {
    this.listener.onConnection({ phase: 'connecting' });
    for (const change of NETWORK_CHANGES) {
      window.addEventListener(change, this.onNetworkChange);
    }
    this.listen();
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
    this.listen();
  };

  private readonly onNetworkChange = (): void => {
    // Not what has ended for good.
    if (this.source || this.timer) {
      this.retryNow();
    }
  };

  private listen(): void {
    const query = this.cursor
      ? `?${new URLSearchParams({ lastEventId: this.cursor })}`
      : '';
    const source = new EventSource(`/messages${query}`);
    source.onopen = () => {
      if (this.cursor) {
        this.live();
      }
    };
    source.onerror = () => this.failed(source);
    source.onmessage = ({ data, lastEventId }) => {
      const said: Message | Message[] = JSON.parse(data);
      this.cursor = lastEventId || this.cursor;
      if (Array.isArray(said)) {
        this.listener.onHistory(said);
        this.live();
      } else {
        this.listener.onMessage(said);
      }
    };
    source.addEventListener('present', ({ data }) =>
      this.listener.onPresent(JSON.parse(data)),
    );
    source.addEventListener('hub.checkpoint', ({ lastEventId }) => {
      this.cursor = lastEventId;
    });
    source.addEventListener('hub.reset', this.beginAnew);
    source.addEventListener('hub.error', this.beginAnew);
    source.addEventListener('hub.complete', () => this.end('complete'));
    source.addEventListener('hub.closed', ({ data }) => {
      const { reason } = JSON.parse(data);
      if (!TEMPORARY.includes(reason)) {
        this.end(reason);
      }
    });
    this.source = source;
  }

  private live(): void {
    this.attempt = 0;
    this.listener.onConnection({ phase: 'live', afterGap: this.afterGap });
    this.afterGap = false;
  }

  private failed(source: EventSource): void {
    this.attempt += 1;
    this.listener.onConnection({
      phase: 'reconnecting',
      attempt: this.attempt,
    });
    if (source.readyState === EventSource.CLOSED) {
      this.disconnect();
      this.retryIn(backOff(this.attempt));
    }
  }

  private readonly beginAnew = (): void => {
    this.disconnect();
    this.cursor = undefined;
    this.afterGap = true;
    this.listener.onConnection({ phase: 'catching up' });
    // Not at once: after a restart, every open page begins anew.
    this.retryIn(Math.random() * 500);
  };

  private end(reason: string): void {
    this.disconnect();
    this.listener.onConnection({ phase: 'ended', reason });
  }

  private retryIn(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.retryNow, milliseconds);
  }

  private disconnect(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.source?.close();
    this.source = undefined;
  }
}
