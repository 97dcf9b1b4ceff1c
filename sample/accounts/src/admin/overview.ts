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
  /** What it was to continue after: the page's list, or the last event that its browser saw. */
  lastEventId?: string;
}
