export interface Notification {
  id: string;
  /** The name of who sent it. */
  from: string;
  text: string;
  /** ISO 8601. */
  at: string;
}
