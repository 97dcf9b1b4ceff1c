import type { ServerResponse } from 'node:http';
import type { RawResponse } from './raw-response.js';

/**
 * Takes a response over from the platform: `onTaken` gets it with every header set that
 * the platform and its plugins want on it, or `onFailed` is called.
 */
export type TakeOver = (
  onTaken: (response: RawResponse) => void,
  onFailed: () => void,
) => void;

interface ExpressResponse {
  send: unknown;
  json: unknown;
}

interface FastifyReply {
  raw: RawResponse;
  readonly sent: boolean;
  then: unknown;
  send(payload: unknown): unknown;
  header(name: string, value: string): unknown;
}

/** What Express and Fastify do in their own way. */
export interface Platform {
  readonly raw: RawResponse;
  readonly takeOver: TakeOver;
  /** Whether Nest has answered, because it gave up waiting for us. */
  isAnswered(): boolean;
}

/** Finds the platform of a response that Nest's execution context gives out. */
export function platformOf(response: unknown): Platform {
  return isFastify(response)
    ? fastify(response)
    : express(response as RawResponse & ExpressResponse);
}

function isFastify(response: unknown): response is FastifyReply {
  return typeof response === 'object' && response !== null && 'raw' in response;
}

/** What `send` and `json` become, so that Nest's reply at the end of the pipeline does nothing. */
function ignore(): void {}

function express(response: RawResponse & ExpressResponse): Platform {
  return {
    raw: response,
    isAnswered: () => response.headersSent,
    takeOver: (onTaken) => {
      response.send = ignore;
      response.json = ignore;
      onTaken(response);
    },
  };
}

/**
 * Fastify is made to send an empty payload to a stand-in of the response. So its onSend
 * hooks run, in which plugins set cookies and save sessions, and its headers reach the
 * response; the head itself is left to us.
 */
function fastify(reply: FastifyReply): Platform {
  const { raw } = reply;
  return {
    raw,
    isAnswered: () => reply.sent || raw.headersSent,
    takeOver: (onTaken, onFailed) => {
      reply.header('content-type', 'text/event-stream');
      reply.raw = standIn(raw, (taken) => {
        reply.raw = raw;
        // From now on a reply is Nest's, at the end of the pipeline; until now it may be an
        // error handler's, because a hook failed.
        reply.send = ignore;
        if (taken) {
          onTaken(raw);
        } else {
          onFailed();
        }
      });
      reply.send('');
      // A reply is a thenable that resolves when the response has ended. Nest returns it from
      // an async function, which would stay in memory for as long as the stream.
      reply.then = undefined;
    },
  };
}

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
  let head: Head | undefined;
  const replaced: Record<string, unknown> = {
    writeHead: (...given: Head) => {
      head = given;
    },
    end: (body?: string | Buffer | null) => {
      const [status, headers] = head ?? [response.statusCode, {}];
      const taken = (body ?? '') === '' && status === response.statusCode;
      if (taken) {
        for (const [name, value] of Object.entries(headers)) {
          response.setHeader(name, value);
        }
      } else {
        response.writeHead(status, headers);
        response.end(body);
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
