import type { StreamBlock } from './event-stream-parser.js';
import { SseTestEvent } from './sse-test-event.js';

/** Which events are meant: those of a type, or for which a predicate holds; if left out, the application's. */
export type Wanted = string | ((event: SseTestEvent) => boolean);

/** What a client has received, over all its connections, and what of it was handed out. */
export class Arrivals {
  readonly received: SseTestEvent[] = [];
  readonly frames: string[] = [];
  readonly comments: string[] = [];
  readonly #waiting: SseTestEvent[] = [];

  add(block: StreamBlock): void {
    this.frames.push(block.raw);
    this.comments.push(...block.comments);
    if (block.data !== undefined) {
      const event = new SseTestEvent({ ...block, data: block.data });
      this.received.push(event);
      this.#waiting.push(event);
    }
  }

  /** The first that fits and was not handed out; it is now. */
  take(wanted: Wanted | undefined): SseTestEvent | undefined {
    const event = this.find(wanted);
    if (event !== undefined) {
      this.#waiting.splice(this.#waiting.indexOf(event), 1);
    }
    return event;
  }

  /** The first that fits and was not handed out. */
  find(wanted: Wanted | undefined): SseTestEvent | undefined {
    return this.#waiting.find((event) => fits(event, wanted));
  }

  /** For messages: what was not handed out, and how much was. */
  describe(): string {
    const waiting = this.#waiting.filter(({ isNotice }) => !isNotice);
    const notices = this.received.filter(({ isNotice }) => isNotice);
    const events = this.received.length - notices.length;
    const lines = [
      events === 0
        ? 'No event of the application has arrived.'
        : `${events} of the application's events have arrived, ${events - waiting.length} of them were handed out before.`,
    ];
    if (waiting.length > 0) {
      lines.push('Not handed out:', ...listed(waiting));
    }
    if (notices.length > 0) {
      lines.push('Notices:', ...listed(notices));
    }
    return lines.join('\n');
  }
}

/** For messages. */
export function describeWanted(wanted: Wanted | undefined): string {
  return typeof wanted === 'string'
    ? `event "${wanted}"`
    : wanted === undefined
      ? 'event'
      : `event for which ${wanted.toString()}`;
}

function fits(event: SseTestEvent, wanted: Wanted | undefined): boolean {
  if (typeof wanted === 'function') {
    return wanted(event);
  }
  return wanted === undefined ? !event.isNotice : event.type === wanted;
}

const MOST_LISTED = 20;
const MOST_SHOWN = 200;

function listed(events: readonly SseTestEvent[]): string[] {
  const lines = events.slice(-MOST_LISTED).map(describeEvent);
  const more = events.length - lines.length;
  return more > 0 ? [`  … ${more} earlier`, ...lines] : lines;
}

/** For messages: on one line. */
export function describeEvent({ type, id, text }: SseTestEvent): string {
  const shown =
    text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return `  ${type}${id === undefined ? '' : ` (${id})`}: ${shown.replaceAll('\n', '\\n')}`;
}
