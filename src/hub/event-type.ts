/** The longest event type and idempotency key, in characters. */
export const MAX_NAME_LENGTH = 255;

/** `open` and `error` are EventSource's own events; `hub.*` are this library's. */
const RESERVED = /^(hub\..*|error|open)$/s;

/**
 * What is wrong with an event's type, if anything. An event stream cannot carry CR, LF or
 * NUL in a field (WHATWG HTML, 9.2.6).
 */
export function typeFlaw(type: unknown): string | undefined {
  if (
    typeof type !== 'string' ||
    type === '' ||
    type.length > MAX_NAME_LENGTH
  ) {
    return `"type" must be a string of 1 to ${MAX_NAME_LENGTH} characters.`;
  }
  if (/[\r\n\0]/.test(type)) {
    return `"type" ${JSON.stringify(type)} has CR, LF or NUL, which end a field of an event stream.`;
  }
  if (RESERVED.test(type)) {
    return `the type "${type}" is reserved: use another than hub.*, error and open.`;
  }
  return undefined;
}
