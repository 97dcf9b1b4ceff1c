export const ROLES = ['editor', 'admin'] as const;

export type Role = (typeof ROLES)[number];

/** What others may know of somebody. */
export interface Person {
  id: string;
  name: string;
}

export interface User extends Person {
  roles: readonly Role[];
}

/** The user of a request: what `SignedInGuard` puts on it. */
export interface SignedInUser extends User {
  /** The `jti` of the token that the request came with. */
  sessionId: string;
  /** When that token expires, in seconds since 1970: the lease of its streams. */
  exp: number;
}
