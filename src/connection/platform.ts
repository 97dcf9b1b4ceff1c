import type { ServerResponse } from 'node:http';
import type { RawResponse } from './raw-response.js';

/** Who takes a response over from the platform. */
export interface Taker {
  /**
   * The response is ours, with every header set that platform and plugins want on it.
   * @returns whether it is taken; if not, the platform answers with what its head failed with
   */
  open(raw: RawResponse): boolean;
  /** It is not, and will not be. */
  giveUp(reason: string): void;
}

interface ExpressResponse {
  send: unknown;
}

interface FastifyReply {
  raw: RawResponse;
  readonly sent: boolean;
  then: unknown;
  send(payload: unknown): unknown;
  header(name: string, value: string): unknown;
  removeHeader(name: string): unknown;
}

/** What Express and Fastify do in their own way. */
export interface Platform {
  readonly raw: RawResponse;
  /** Whether Nest has answered, because it gave up waiting for us. */
  readonly isAnswered: boolean;
  takeOver(taker: Taker): void;
}

/** What `send` becomes, so that Nest's reply at the end of the pipeline does nothing. */
function ignore(): void {}

/** Express answers with `send`, which is silenced. */
export class Express implements Platform {
  constructor(readonly raw: RawResponse & ExpressResponse) {}

  get isAnswered(): boolean {
    return this.raw.headersSent;
  }

  takeOver(taker: Taker): void {
    if (taker.open(this.raw)) {
      // `json()` ends in `send()`.
      this.raw.send = ignore;
    }
  }
}

/**
 * Fastify is made to send no payload to a stand-in of the response. So its onSend
 * hooks run, in which plugins set cookies and save sessions, and its headers reach the
 * response; the head itself is left to us.
 */
export class Fastify implements Platform {
  readonly raw: RawResponse;

  constructor(private readonly reply: FastifyReply) {
    this.raw = reply.raw;
  }

  get isAnswered(): boolean {
    return this.reply.sent || this.raw.headersSent;
  }

  takeOver(taker: Taker): void {
    const { reply, raw } = this;
    reply.header('content-type', 'text/event-stream');
    reply.raw = standIn(raw, (taken) => {
      reply.raw = raw;
      if (taken && !taker.open(raw)) {
        reply.removeHeader('content-type');
        return;
      }
      // From now on a reply is Nest's, at the end of the pipeline; until now it may be an
      // error handler's, because a hook failed.
      reply.send = ignore;
      // A reply is a thenable that resolves when the response has ended. Nest returns it from
      // an async function, which would stay in memory for as long as the stream.
      // oxlint-disable-next-line unicorn/no-thenable
      reply.then = undefined;
      if (!taken) {
        taker.giveUp('head-failed');
      }
    });
    reply.send(undefined);
  }
}

/** What Fastify says of an empty response, and the head of a stream says itself. */
const OURS: ReadonlySet<string> = new Set(['content-type', 'content-length']);

type Head = [status: number, headers: Record<string, string | string[]>];

/**
 * A response on which the head is only noted. Ended empty, it is taken over with the
 * headers set; ended with a body (a hook failed, or answered itself) it is sent as usual.
 */
function standIn(
  raw: RawResponse,
  onEnd: (taken: boolean) => void,
): RawResponse {
  const response = raw as ServerResponse;
  const wanted = response.statusCode;
  let head: Head | undefined;
  const replaced: Record<string, unknown> = {
    writeHead: (...given: Head) => {
      head = given;
    },
    end: (body?: string | Buffer | null) => {
      const [status, headers] = head ?? [wanted, {}];
      const taken = (body ?? '') === '' && status === wanted;
      try {
        if (taken) {
          for (const name of Object.keys(headers)) {
            if (!OURS.has(name)) {
              response.setHeader(name, headers[name]!);
            }
          }
        } else {
          response.writeHead(status, headers);
          response.end(body);
        }
      } catch {
        // A value that Node refuses: Fastify has not looked at it.
        refuse(response);
        return onEnd(false);
      }
      onEnd(taken);
    },
  };
  return new Proxy(response, {
    get: (target, name) => {
      if (Object.hasOwn(replaced, name)) {
        return replaced[name as string];
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function'
        ? (value.bind(target) as unknown)
        : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}

/** Answers as far as that is possible still. */
function refuse(response: ServerResponse): void {
  try {
    response.writeHead(500).end();
  } catch {
    response.destroy();
  }
}
