/** Something that somebody has done, for the admins to know. */
export interface Activity {
  /** The id of who did it. */
  by: string;
  did: string;
  /** When: ISO 8601. */
  at: string;
}
