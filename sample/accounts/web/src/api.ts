import type { Note } from '../../src/newsroom/note';
import type { Notification } from '../../src/notifications/notification';
import type { CurrentSession } from '../../src/sessions/current-session';
import type { Person, User } from '../../src/users/user';

/** What is to be sent. */
export interface Draft {
  text: string;
  /** The same in every attempt. */
  id: string;
}

export interface Snapshot<Data> {
  data: Data;
  /** From where the stream tells what came after. */
  cursor: string;
}

/** The server has said no: asking again with the same will not help. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly fields: Record<string, string[]> = {},
  ) {
    super(message);
  }
}

/** No answer, or one that says "not now": asking again will help. */
export class Unavailable extends Error {}

export function signIn(name: string, password: string) {
  return request<User>('POST', '/session', { body: { name, password } });
}

export function loadSession() {
  return request<CurrentSession>('GET', '/session');
}

export function signOut() {
  return request<void>('DELETE', '/session');
}

export function loadPeople() {
  return request<Person[]>('GET', '/users');
}

export function loadNotifications(userId: string, signal: AbortSignal) {
  const path = `/users/${encodeURIComponent(userId)}/notifications`;
  return request<Snapshot<Notification[]>>('GET', path, { signal });
}

export function sendNotification(to: string, draft: Draft) {
  const path = `/users/${encodeURIComponent(to)}/notifications`;
  return request<Notification>('POST', path, { body: draft });
}

export function loadNotes(signal: AbortSignal) {
  return request<Snapshot<Note[]>>('GET', '/newsroom', { signal });
}

export function writeNote(draft: Draft) {
  return request<Note>('POST', '/newsroom', { body: draft });
}

export function disconnectUser(id: string) {
  return request<void>('DELETE', `/admin/users/${id}/sessions`);
}

export function disconnectConnection(id: string) {
  return request<void>('DELETE', `/admin/connections/${id}`);
}

export function setEditor(id: string, isEditor: boolean) {
  const path = `/admin/users/${id}/roles/editor`;
  return request<void>(isEditor ? 'PUT' : 'DELETE', path);
}

interface RequestOptions {
  body?: object;
  signal?: AbortSignal;
}

const ANSWER_WITHIN = 10_000;

async function request<Answer>(
  method: string,
  path: string,
  { body, signal }: RequestOptions = {},
): Promise<Answer> {
  const timeout = AbortSignal.timeout(ANSWER_WITHIN);
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers: body && { 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch {
    throw new Unavailable('The server cannot be reached.');
  }
  if (response.ok) {
    return (text ? JSON.parse(text) : undefined) as Answer;
  }
  if (response.status >= 500 || [408, 425, 429].includes(response.status)) {
    throw new Unavailable(`The server answers ${response.status}.`);
  }
  throw toRefusal(response.status, text);
}

function toRefusal(status: number, text: string): Refusal {
  const { message } = readAnswer(text);
  if (typeof message === 'object') {
    const fields = Object.values(message).flat();
    return new Refusal(fields.join('; '), status, message);
  }
  return new Refusal(message ?? `The server answers ${status}.`, status);
}

// A proxy's error page is no JSON.
function readAnswer(text: string): {
  message?: string | Record<string, string[]>;
} {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
