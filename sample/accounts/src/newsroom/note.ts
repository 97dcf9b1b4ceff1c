/** What editors write for each other. */
export interface Note {
  id: string;
  /** The name of who wrote it. */
  from: string;
  text: string;
  /** ISO 8601. */
  at: string;
}
