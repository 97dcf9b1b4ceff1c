/** One block of an event stream: what stands before a blank line. */
export interface StreamBlock {
  /** Its text, with the blank line. */
  readonly raw: string;
  /** The `event` field; `undefined` without one. */
  readonly type: string | undefined;
  /** The `id` field of this very block. */
  readonly id: string | undefined;
  /** The `data` lines, joined; `undefined` for a block that is no event. */
  readonly data: string | undefined;
  readonly comments: readonly string[];
}

interface OpenBlock {
  raw: string;
  type: string | undefined;
  id: string | undefined;
  data: string[];
  comments: string[];
}

const newBlock = (): OpenBlock => ({
  raw: '',
  type: undefined,
  id: undefined,
  data: [],
  comments: [],
});

/**
 * Reads an event stream as a browser does (WHATWG HTML, 9.2.5 and 9.2.6), and keeps what a
 * browser shows nobody: comments and the text of each block.
 */
export class EventStreamParser {
  #rest = '';
  #isFirst = true;
  #block = newBlock();
  #retry: number | undefined;

  /** @param onBlock called for each block; one that is cut off is discarded (9.2.6) */
  constructor(private readonly onBlock: (block: StreamBlock) => void) {}

  /** The reconnection time that the stream has set last, in milliseconds. */
  get retry(): number | undefined {
    return this.#retry;
  }

  /** What has come of a block that has no end yet. */
  get open(): string {
    return this.#block.raw + this.#rest;
  }

  /** Takes decoded text, cut anywhere. */
  feed(text: string): void {
    this.#rest += text;
    if (this.#isFirst && this.#rest !== '') {
      this.#isFirst = false;
      // 9.2.5: one leading byte order mark is no part of the stream.
      this.#rest = this.#rest.replace(/^\uFEFF/, '');
    }
    let start = 0;
    for (;;) {
      const end = lineEnd(this.#rest, start);
      if (end === undefined) {
        break;
      }
      this.#line(
        this.#rest.slice(start, end.at),
        this.#rest.slice(start, end.next),
      );
      start = end.next;
    }
    this.#rest = this.#rest.slice(start);
  }

  #line(line: string, raw: string): void {
    this.#block.raw += raw;
    if (line === '') {
      this.#dispatch();
    } else if (line.startsWith(':')) {
      this.#block.comments.push(withoutSpace(line.slice(1)));
    } else {
      const colon = line.indexOf(':');
      if (colon < 0) {
        this.#field(line, '');
      } else {
        this.#field(line.slice(0, colon), withoutSpace(line.slice(colon + 1)));
      }
    }
  }

  /** 9.2.6, "process the field". Field names are compared as they are. */
  #field(name: string, value: string): void {
    switch (name) {
      case 'event':
        this.#block.type = value;
        break;
      case 'data':
        this.#block.data.push(value);
        break;
      case 'id':
        if (!value.includes('\0')) {
          this.#block.id = value;
        }
        break;
      case 'retry':
        if (/^[0-9]+$/.test(value)) {
          this.#retry = Number(value);
        }
        break;
    }
  }

  #dispatch(): void {
    const { raw, type, id, data, comments } = this.#block;
    this.#block = newBlock();
    this.onBlock({
      raw,
      // An empty one is none (9.2.6, "dispatch the event", 5).
      type: type === '' ? undefined : type,
      id,
      data: data.length === 0 ? undefined : data.join('\n'),
      comments,
    });
  }
}

const LINE_END = /[\r\n]/g;

/** The end of a line: LF, CR or both; a CR at the end may still get its LF. */
function lineEnd(
  text: string,
  from: number,
): { at: number; next: number } | undefined {
  LINE_END.lastIndex = from;
  const at = LINE_END.exec(text)?.index;
  if (at === undefined) {
    return undefined;
  }
  if (text[at] === '\n') {
    return { at, next: at + 1 };
  }
  const isLast = at + 1 === text.length;
  return isLast
    ? undefined
    : { at, next: text[at + 1] === '\n' ? at + 2 : at + 1 };
}

/** Without the one space that may follow a colon. */
function withoutSpace(value: string): string {
  return value.startsWith(' ') ? value.slice(1) : value;
}
