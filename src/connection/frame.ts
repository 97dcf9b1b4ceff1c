import type { EncodedParts } from '../hub/hub-event.js';

/** What a block of an event stream is made of (WHATWG HTML, 9.2.5 "Parsing an event stream"). */
export interface FrameFields {
  readonly type?: string;
  readonly id?: string;
  /** Milliseconds. */
  readonly retry?: number;
  readonly comment?: string;
  /** Text; each of its lines becomes a `data` line. */
  readonly data?: string;
}

/** A field holds what an event stream cannot carry. */
export class InvalidFrameException extends Error {
  override readonly name = 'InvalidFrameException';
}

const LINE_END = /\r\n|\r|\n/;
const CRLF = '\r\n';

/** The bytes of one event, made once and shared by every connection that sends them. */
export class Frame {
  /** The bytes as one chunk of HTTP/1.1 chunked transfer coding (RFC 9112, 7.1). */
  readonly chunked: Buffer;
  readonly #start: number;
  readonly length: number;
  #text: string | undefined;

  private constructor(
    length: number,
    write: (target: Buffer, offset: number) => void,
  ) {
    const size = length.toString(16) + CRLF;
    this.#start = size.length;
    this.length = length;
    this.chunked = Buffer.allocUnsafe(size.length + length + CRLF.length);
    this.chunked.write(size, 0, 'latin1');
    write(this.chunked, this.#start);
    this.chunked.write(CRLF, this.#start + length, 'latin1');
  }

  static of(text: string): Frame {
    return new Frame(Buffer.byteLength(text), (target, offset) =>
      target.write(text, offset),
    );
  }

  /** `chunked` as a string of a character for each byte, kept: for frames with which many streams begin. */
  get chunkedText(): string {
    return (this.#text ??= this.chunked.toString('latin1'));
  }

  /** The frames' bytes one after the other, as one chunk. */
  static concat(frames: readonly Frame[]): Frame {
    const length = frames.reduce((sum, frame) => sum + frame.length, 0);
    return new Frame(length, (target, offset) => {
      for (const frame of frames) {
        offset += frame.chunked.copy(
          target,
          offset,
          frame.#start,
          frame.#start + frame.length,
        );
      }
    });
  }

  /** The bytes without chunk framing. */
  get raw(): Buffer {
    return this.chunked.subarray(this.#start, this.#start + this.length);
  }
}

/**
 * Writes one block of an event stream.
 *
 * @throws InvalidFrameException when `type` or `id` has CR, LF or NUL
 * (9.2.6: an id with NUL is ignored by clients, line ends end the field)
 */
export function encodeFrame({
  type,
  id,
  retry,
  comment,
  data,
}: FrameFields): Frame {
  let text = '';
  if (comment !== undefined) {
    for (const line of comment.split(LINE_END)) {
      text += `: ${line}\n`;
    }
  }
  if (retry !== undefined) {
    text += `retry: ${Math.max(0, Math.round(retry))}\n`;
  }
  if (type !== undefined && type !== 'message') {
    text += `event: ${checkField('type', type)}\n`;
  }
  if (id !== undefined) {
    text += `id: ${checkField('id', id)}\n`;
  }
  if (data !== undefined) {
    text += LINE_END.test(data)
      ? data
          .split(LINE_END)
          .map((line) => `data: ${line}\n`)
          .join('')
      : `data: ${data}\n`;
  }
  return Frame.of(`${text}\n`);
}

/** The frame of a hub event. Data that is a string is sent as it is, other data as JSON. */
export function encodeEvent({ id, type, text }: EncodedParts): Frame {
  const data = text.startsWith('"') ? (JSON.parse(text) as string) : text;
  return encodeFrame({ id, type, data });
}

function checkField(name: string, value: string): string {
  if (/[\r\n\0]/.test(value)) {
    throw new InvalidFrameException(
      `The event's ${name} ${JSON.stringify(value)} has CR, LF or NUL, which end a field of an event stream. Remove them.`,
    );
  }
  return value;
}
