import type { Message } from '../../src/chat/message';

/** The server has said no: asking again with the same will not help. */
export class Refusal extends Error {}

/** No answer, or one that says "not now": asking again will help. */
export class Unavailable extends Error {}

const ANSWER_WITHIN = 10_000;

/**
 * Sends a message. Sent again with the same id it is stored once.
 *
 * @throws Refusal, Unavailable
 */
export async function postMessage(
  message: string,
  id: string,
): Promise<Message> {
  let response: Response;
  let text: string;
  try {
    response = await fetch('/message', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ message, id }),
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
    text = await response.text();
  } catch {
    throw new Unavailable('The server cannot be reached.');
  }
  if (response.ok) {
    return JSON.parse(text);
  }
  if (response.status >= 500 || [408, 425, 429].includes(response.status)) {
    throw new Unavailable(`The server answers ${response.status}.`);
  }
  throw new Refusal(
    readReason(text) ?? `The server answers ${response.status}.`,
  );
}

// A proxy's error page is no JSON.
function readReason(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text);
    return Array.isArray(message) ? message.join(', ') : message;
  } catch {
    return undefined;
  }
}
