export interface User {
  id: string;
  /** Known by a cookie. Who is not has said an id, and proven nothing. */
  isGuest: boolean;
}
