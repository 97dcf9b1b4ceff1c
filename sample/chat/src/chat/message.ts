/** What everybody knows of a message. */
export interface Message {
  user_id: string;
  message: string;
  /** Whoever has written it names it, so that it is recognized when it comes back. */
  id: string;
  /** ISO 8601. */
  at: string;
}
