import type { User } from '../users/user.js';

/** What the admin page shows. */
export interface Overview {
  people: PersonRow[];
  /** The newest first, at most `SHOWN_CONNECTIONS` of them. */
  connections: ConnectionRow[];
  /** How many there are. */
  connectionCount: number;
}

export interface PersonRow extends User {
  isPresent: boolean;
}

export interface ConnectionRow {
  id: string;
  userId: string;
  /** ISO 8601. */
  openedAt: string;
  address?: string;
  /** The cursor that it resumed from; none for a fresh one. */
  lastEventId?: string;
}
