import { Readable } from 'node:stream';
import type { RawResponse } from './response-writer.js';

/**
 * Takes a response over from the platform: `onTaken` gets it with every header set that
 * the platform and its plugins want on it, or `onFailed` is called.
 */
export type TakeOver = (onTaken: (response: RawResponse) => void, onFailed: () => void) => void;

interface ExpressResponse {
  send: unknown;
  json: unknown;
}

interface FastifyReply {
  readonly raw: RawResponse;
  send(payload: unknown): unknown;
  header(name: string, value: string): unknown;
}

/** What Express and Fastify do in their own way. */
export interface Platform {
  readonly raw: RawResponse;
  readonly takeOver: TakeOver;
}

/** Finds the platform of a response that Nest's execution context gives out. */
export function platformOf(response: unknown): Platform {
  return isFastify(response) ? fastify(response) : express(response as RawResponse & ExpressResponse);
}

function isFastify(response: unknown): response is FastifyReply {
  return typeof response === 'object' && response !== null && 'raw' in response;
}

/** What `send` and `json` become, so that Nest's reply at the end of the pipeline does nothing. */
function ignore(this: unknown): unknown {
  return this;
}

function express(response: RawResponse & ExpressResponse): Platform {
  return {
    raw: response,
    takeOver: (onTaken) => {
      response.send = ignore;
      response.json = ignore;
      onTaken(response);
    },
  };
}

/**
 * Fastify is sent a stream whose `pipe` hands the response over. So its onSend hooks run,
 * in which plugins set cookies and save sessions, and its headers are on the response.
 */
function fastify(reply: FastifyReply): Platform {
  return {
    raw: reply.raw,
    takeOver: (onTaken, onFailed) => {
      reply.header('content-type', 'text/event-stream');
      reply.send(new HandOver(onTaken, onFailed));
      reply.send = ignore;
    },
  };
}

class HandOver extends Readable {
  #taken = false;

  constructor(
    private readonly onTaken: (response: RawResponse) => void,
    private readonly onFailed: () => void,
  ) {
    super({ read: () => this.push(null) });
  }

  override pipe<Destination extends NodeJS.WritableStream>(destination: Destination): Destination {
    this.#taken = true;
    this.onTaken(destination as unknown as RawResponse);
    // To its end, so that Fastify lets go of it.
    this.resume();
    return destination;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#taken) {
      this.onFailed();
    }
    callback(error);
  }
}
