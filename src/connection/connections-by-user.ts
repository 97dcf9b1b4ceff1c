import type { SseResponse } from './sse-response.js';

const NONE: ReadonlySet<SseResponse> = new Set();

/** The connections of each user on this node, oldest first. Nobody's are not kept. */
export class ConnectionsByUser {
  readonly #users = new Map<string, Set<SseResponse>>();

  add(response: SseResponse): void {
    const { userId } = response.connection.listener;
    if (userId === undefined) {
      return;
    }
    const own = this.#users.get(userId);
    if (own === undefined) {
      this.#users.set(userId, new Set([response]));
    } else {
      own.add(response);
    }
  }

  delete(response: SseResponse): void {
    const { userId } = response.connection.listener;
    const own = userId === undefined ? undefined : this.#users.get(userId);
    if (own?.delete(response) && own.size === 0) {
      this.#users.delete(userId!);
    }
  }

  of(userId: string): ReadonlySet<SseResponse> {
    return this.#users.get(userId) ?? NONE;
  }
}
