import type { User } from '../users/user.js';
import type { NotSignedInReason } from './not-signed-in.exception.js';

/** Who is signed in, or why nobody is. */
export type CurrentSession =
  { user: User } | { user?: undefined; reason: NotSignedInReason };
