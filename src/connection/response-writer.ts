import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Batches } from './batches.js';
import { Frame } from './frame.js';
import type { RawResponse } from './raw-response.js';

/** The response that a socket is sending now; `node:http` keeps it there. */
type HttpSocket = Socket & { _httpMessage?: unknown };

/** What all that `node:http` writes goes through, in several pieces if it is chunked. */
type SendingResponse = ServerResponse & {
  _header?: string;
  /** Sends the head, if it is not sent yet, and text in one write. */
  _send?(text: string, encoding: 'latin1'): boolean;
};

/** Who is told when a client that did not keep up has taken what was written. */
export interface Drained {
  drained(): void;
}

/** Frames on their way into one response: written once a flush, kept while the client does not read. */
export class ResponseWriter {
  #response: RawResponse | undefined;
  #socket: HttpSocket | undefined;
  #chunked = false;
  /** What waits for the next flush: most often one frame, which needs no array. */
  #queue: Frame | Frame[] | undefined;
  #bytes = 0;
  #blocked = false;

  constructor(private readonly owner: Drained) {}

  /** Writes to this response from now on: its head with these frames, then what waits. */
  attach(response: RawResponse, first: readonly Frame[]): void {
    this.#response = response;
    const queued = this.#queued();
    const socket = this.#directSocket(response);
    const sending = response as SendingResponse;
    if (socket !== undefined && sending._send !== undefined) {
      const chunked = this.#chunked;
      let text = '';
      for (const frame of first) {
        text += chunked ? frame.chunkedText : frame.raw.toString('latin1');
      }
      for (const frame of queued) {
        text += (chunked ? frame.chunked : frame.raw).toString('latin1');
      }
      // The response keeps its head, in the many pieces of which it was put together unless asked for one.
      sending._header?.charCodeAt(0);
      this.#wrote(socket, sending._send(text, 'latin1'));
    } else {
      sending.flushHeaders();
      this.#write(response, [...first, ...queued]);
    }
    this.drop();
  }

  /** Whether the client has not yet taken what was written. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Bytes not yet handed to the operating system. */
  get pendingBytes(): number {
    return this.#bytes + (this.#response?.writableLength ?? 0);
  }

  /** Bytes that wait for the next flush. */
  get queuedBytes(): number {
    return this.#bytes;
  }

  push(frame: Frame): void {
    if (this.#queue === undefined) {
      this.#queue = frame;
    } else if (Array.isArray(this.#queue)) {
      this.#queue.push(frame);
    } else {
      this.#queue = [this.#queue, frame];
    }
    this.#bytes += frame.length;
  }

  /** Writes what is pending, in one write. */
  flush(batches: Batches): void {
    const queue = this.#queue;
    if (this.#response === undefined || this.#blocked || queue === undefined) {
      return;
    }
    this.#write(
      this.#response,
      Array.isArray(queue) ? (batches.join(queue) ?? queue) : queue,
    );
    this.drop();
  }

  /**
   * Ends the response behind what is pending. Lets go of it first: a late flush must
   * not reach the next response on a kept-alive connection.
   */
  end(): void {
    const response = this.#response;
    if (response !== undefined) {
      if (this.#queue !== undefined) {
        this.#write(response, this.#queue);
      }
      this.release();
      response.end();
    }
  }

  /** Forgets what waits for the next flush. */
  drop(): void {
    this.#queue = undefined;
    this.#bytes = 0;
  }

  /** Forgets response and frames. */
  release(): void {
    this.#response = this.#socket = undefined;
    this.drop();
  }

  /** Found once for all writes: the properties of a response are slow to read on Express. */
  #directSocket(response: RawResponse): HttpSocket | undefined {
    if (this.#socket?._httpMessage !== response) {
      this.#socket = directSocket(response);
      this.#chunked = (response as ServerResponse).chunkedEncoding;
    }
    return this.#socket;
  }

  #queued(): readonly Frame[] {
    const queue = this.#queue ?? [];
    return Array.isArray(queue) ? queue : [queue];
  }

  #write(response: RawResponse, frames: Frame | readonly Frame[]): void {
    const socket = this.#directSocket(response);
    const taken =
      socket === undefined
        ? (response as ServerResponse).write(
            (frames instanceof Frame ? frames : Frame.concat(frames)).raw,
          )
        : writeDirectly(socket, frames, this.#chunked);
    this.#wrote(socket ?? response, taken);
  }

  /** @param taken whether the system has taken what was written */
  #wrote(to: HttpSocket | RawResponse, taken: boolean): void {
    if (!taken && !this.#blocked) {
      this.#blocked = true;
      to.once('drain', () => {
        this.#blocked = false;
        this.owner.drained();
      });
    }
  }
}

function writeDirectly(
  socket: Socket,
  frames: Frame | readonly Frame[],
  chunked: boolean,
): boolean {
  if (frames instanceof Frame) {
    return socket.write(chunked ? frames.chunked : frames.raw);
  }
  // A corked socket hands everything to one writev(2).
  socket.cork();
  for (const frame of frames) {
    socket.write(chunked ? frame.chunked : frame.raw);
  }
  socket.uncork();
  return !socket.writableNeedDrain;
}

/**
 * The socket, if bytes written to it are this response's next bytes: the response has
 * its turn on it (HTTP/1.1 pipelining), holds nothing back, and no middleware wraps
 * its methods.
 */
function directSocket(response: RawResponse): HttpSocket | undefined {
  if (!(response instanceof ServerResponse)) {
    return undefined;
  }
  const socket = response.socket as HttpSocket | null;
  return socket?._httpMessage === response &&
    response.writableLength === socket.writableLength &&
    response.write === ServerResponse.prototype.write &&
    response.end === ServerResponse.prototype.end
    ? socket
    : undefined;
}
