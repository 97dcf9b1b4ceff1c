import type { Message } from '../../src/chat/message';
import { Refusal, postMessage } from './api';
import { backOff } from './back-off';
import {
  type UnsentMessage,
  forget,
  keep,
  newId,
  readKept,
} from './unsent-store';

export type Sending =
  | { phase: 'sending' }
  /** It could not be sent, and will be tried again. */
  | { phase: 'waiting' }
  /** The server has said no. */
  | { phase: 'refused'; reason: string };

export type Unsent = UnsentMessage & { sending: Sending };

export interface OutboxListener {
  onUnsent(unsent: Unsent[]): void;
  onSent(message: Message): void;
}

/**
 * Sends messages in the order in which they were typed, each until the server has answered yes
 * or no. What was kept when the page was left is sent, too; another tab may be sending the same,
 * which stores it once.
 */
export class Outbox {
  private unsent = readKept().map((kept): Unsent => {
    return { ...kept, sending: { phase: 'waiting' } };
  });
  private isStarted = false;
  private isSending = false;
  private isClosed = false;
  private attempt = 0;
  private wake = () => {};

  constructor(private readonly listener: OutboxListener) {}

  open(): void {
    this.changed();
  }

  /** The server knows who this is, or knows again. */
  start(): void {
    this.isStarted = true;
    this.retryNow();
  }

  close(): void {
    this.isClosed = true;
    this.wake();
  }

  add(message: string): void {
    const kept = { id: newId(), message, typedAt: new Date().toISOString() };
    keep(kept);
    this.unsent = [...this.unsent, { ...kept, sending: { phase: 'sending' } }];
    this.changed();
    this.retryNow();
  }

  /** Gives a message up, or knows from elsewhere that it was sent. */
  remove(id: string): void {
    forget(id);
    this.unsent = this.unsent.filter((each) => each.id !== id);
    this.changed();
  }

  /** Whatever it is waiting for. */
  readonly retryNow = (): void => {
    this.attempt = 0;
    this.wake();
    void this.send();
  };

  private async send(): Promise<void> {
    if (this.isSending || !this.isStarted) {
      return;
    }
    this.isSending = true;
    for (let next = this.next(); next; next = this.next()) {
      const outcome = await attempt(next);
      if (this.isClosed) {
        return;
      }
      if ('sent' in outcome) {
        this.attempt = 0;
        this.remove(next.id);
        this.listener.onSent(outcome.sent);
      } else if (outcome.phase === 'refused') {
        this.set(outcome, (each) => each.id === next!.id);
      } else {
        // What was typed later waits for it, or it would come first.
        this.set(outcome, ({ sending }) => sending.phase !== 'refused');
        await this.pause(backOff(++this.attempt));
      }
    }
    this.isSending = false;
  }

  private next(): Unsent | undefined {
    return this.isClosed
      ? undefined
      : this.unsent.find(({ sending }) => sending.phase !== 'refused');
  }

  private set(sending: Sending, of: (unsent: Unsent) => boolean): void {
    this.unsent = this.unsent.map((each) =>
      of(each) ? { ...each, sending } : each,
    );
    this.changed();
  }

  private changed(): void {
    this.listener.onUnsent(this.unsent);
  }

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function attempt({
  message,
  id,
}: UnsentMessage): Promise<{ sent: Message } | Sending> {
  try {
    return { sent: await postMessage(message, id) };
  } catch (error) {
    return error instanceof Refusal
      ? { phase: 'refused', reason: error.message }
      : { phase: 'waiting' };
  }
}
