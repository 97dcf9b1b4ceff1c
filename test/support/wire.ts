/** One HTTP/1.1 response as it stands in the bytes of a connection. */
export interface WireResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** What each chunk carried; empty without chunked transfer coding. */
  readonly chunks: readonly string[];
  readonly body: string;
  /** Whether the response has ended, as far as its own bytes tell. */
  readonly complete: boolean;
  /** What follows a response that is complete. */
  readonly rest: Buffer;
}

const CRLF = '\r\n';

/** Reads the responses that a connection got, one after the other; what follows the last is an error. */
export function readResponses(bytes: Buffer): WireResponse[] {
  const responses: WireResponse[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const response = readResponse(rest);
    responses.push(response);
    rest = response.rest;
  }
  return responses;
}

/**
 * Reads the first response, as strictly as RFC 9112 is written: a stray byte is an error.
 * The bytes may stop anywhere behind the head.
 */
export function readResponse(bytes: Buffer): WireResponse {
  const end = bytes.indexOf(CRLF + CRLF);
  if (end < 0) {
    throw new Error(
      `No head in ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`,
    );
  }
  const [statusLine, ...fields] = bytes.toString('latin1', 0, end).split(CRLF);
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine!)?.[1];
  if (status === undefined) {
    throw new Error(`Not a status line: ${JSON.stringify(statusLine)}`);
  }
  const headers = Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(': ');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 2)];
    }),
  );
  const head = { status: Number(status), headers };
  const content = bytes.subarray(end + 2 * CRLF.length);
  if (headers['transfer-encoding'] === 'chunked') {
    const { chunks, ...read } = readChunks(content);
    return {
      ...head,
      ...read,
      chunks: chunks.map((chunk) => chunk.toString('utf8')),
      body: Buffer.concat(chunks).toString('utf8'),
    };
  }
  const length = headers['content-length'];
  const size = length === undefined ? content.length : Number(length);
  return {
    ...head,
    chunks: [],
    body: content.toString('utf8', 0, size),
    complete: length !== undefined && content.length >= size,
    rest: content.subarray(size),
  };
}

/** RFC 9112, 7.1: size in hexadecimal, CRLF, data, CRLF; the last one is of size 0. */
function readChunks(bytes: Buffer): {
  chunks: Buffer[];
  complete: boolean;
  rest: Buffer;
} {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf(CRLF, at);
    if (lineEnd < 0) {
      return { chunks, complete: false, rest: Buffer.alloc(0) };
    }
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(line)) {
      throw new Error(
        `Not a chunk size: ${JSON.stringify(line.slice(0, 200))}`,
      );
    }
    const start = lineEnd + CRLF.length;
    const size = parseInt(line, 16);
    if (bytes.length < start + size + CRLF.length) {
      return { chunks, complete: false, rest: Buffer.alloc(0) };
    }
    const after = bytes.toString(
      'latin1',
      start + size,
      start + size + CRLF.length,
    );
    if (after !== CRLF) {
      throw new Error(
        `${JSON.stringify(after)} behind a chunk of ${size} bytes`,
      );
    }
    at = start + size + CRLF.length;
    if (size === 0) {
      return { chunks, complete: true, rest: bytes.subarray(at) };
    }
    chunks.push(bytes.subarray(start, start + size));
  }
}

/** The blocks of an event stream; one that has no end is an error. */
export function blocksOf(body: string): string[] {
  const blocks = body.split('\n\n');
  if (blocks.pop() !== '') {
    throw new Error(
      `The stream stops inside a block: ${JSON.stringify(body.slice(-200))}`,
    );
  }
  return blocks;
}
