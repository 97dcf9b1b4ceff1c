/** The id of the last event that a client saw: `<epoch>-<position>`. */
export type Cursor = string;

/**
 * The longest cursor in bytes. Browsers send it back as `Last-Event-ID`; past
 * 128 bytes a cross-origin reconnect would need a preflight
 * (Fetch, "CORS-safelisted request-header").
 */
export const MAX_CURSOR_LENGTH = 64;

const CURSOR = /^[0-9a-z]+-[0-9a-z-]+$/;

/** The width of `Number.MAX_SAFE_INTEGER` in base 36. */
const POSITION_WIDTH = 11;

/**
 * Makes the cursor of a numbered position, so that byte order is number order.
 *
 * @param epoch `[0-9a-z]+`
 * @param position an integer from 0 to `Number.MAX_SAFE_INTEGER`
 */
export function cursorAt(epoch: string, position: number): Cursor {
  return `${epoch}-${position.toString(36).padStart(POSITION_WIDTH, '0')}`;
}

/** Whether text that a client sent has the form of a cursor. */
export function isCursor(text: string): boolean {
  return text.length <= MAX_CURSOR_LENGTH && CURSOR.test(text);
}

/** The epoch of a cursor: what stands before its first dash. */
export function epochOf(cursor: Cursor): string {
  return cursor.slice(0, cursor.indexOf('-'));
}
