import { useState } from 'react';
import type { Draft } from './api';

/** A text that is to be sent, and its id: the same in every attempt, so that it is there once. */
export function useDraft() {
  const [draft, setDraft] = useState<Draft>({ text: '', id: newId() });
  return {
    draft,
    setText: (text: string) => setDraft({ text, id: newId() }),
  };
}

// Not crypto.randomUUID(), which a page has only on localhost and over HTTPS.
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
}
