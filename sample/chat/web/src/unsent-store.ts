/** A message that the server has not confirmed. */
export interface UnsentMessage {
  /** The same in every attempt, so that only one of them stores the message. */
  id: string;
  message: string;
  /** ISO 8601. */
  typedAt: string;
}

const PREFIX = 'chat.unsent.';

/** Keeps a message over a reload, each in an item of its own, as tabs share them all. */
export function keep(message: UnsentMessage): void {
  try {
    localStorage.setItem(PREFIX + message.id, JSON.stringify(message));
  } catch {
    // The browser keeps nothing, so it lasts as long as the page.
  }
}

export function forget(id: string): void {
  localStorage.removeItem(PREFIX + id);
}

/** What was kept, the oldest first. */
export function readKept(): UnsentMessage[] {
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(PREFIX))
    .map((key): UnsentMessage => JSON.parse(localStorage.getItem(key)!))
    .toSorted((one, other) => one.typedAt.localeCompare(other.typedAt));
}

// Not crypto.randomUUID(), which a page has only on localhost and over HTTPS.
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
}
