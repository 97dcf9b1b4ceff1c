import type { StreamBlock } from './event-stream-parser.js';

/**
 * One event as it stood on the wire. `id`, `type` and `data` are all that a deep comparison
 * sees of it.
 */
export class SseTestEvent<Data = any> {
  /** The frame's own id; `undefined` without one. */
  readonly id: string | undefined;
  /** `message` if the frame names none. */
  readonly type: string;
  /** The data: parsed if it is JSON, else the text. */
  readonly data: Data;
  readonly #text: string;
  readonly #raw: string;

  /** @internal */
  constructor({
    id,
    type,
    data,
    raw,
  }: StreamBlock & { readonly data: string }) {
    this.id = id;
    this.type = type ?? 'message';
    this.data = parsed(data) as Data;
    this.#text = data;
    this.#raw = raw;
  }

  /** The data as text, as it was sent. */
  get text(): string {
    return this.#text;
  }

  /** The frame's text, with the blank line that ends it. */
  get raw(): string {
    return this.#raw;
  }

  /** Whether the library tells it to the page (`hub.…`), and not the application. */
  get isNotice(): boolean {
    return this.type.startsWith('hub.');
  }
}

/** JSON, if it is that: an application may send text, which is data too. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
