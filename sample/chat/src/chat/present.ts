/** Who is in the room, for those who are. */
export interface Present {
  you: string;
  /** The ids of some; of all, unless it is crowded. */
  users: string[];
  count: number;
}
