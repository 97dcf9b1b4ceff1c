export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; text if it is none. */
  readonly body: any;
}

/** Longer than a busy machine takes to answer. */
const PATIENCE = 30_000;

/** Sends a request whose answer ends, and reads it whole. Gives up on a stream that stays open. */
export async function answer(
  url: string,
  init: RequestInit = {},
): Promise<Answer> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(PATIENCE),
    ...init,
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: parse(text),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
