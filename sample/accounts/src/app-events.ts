import type { Activity } from './activity/activity.js';
import type { Note } from './newsroom/note.js';
import type { Notification } from './notifications/notification.js';
import type { User } from './users/user.js';

/** What is published: topic, type, data. */
export interface AppEvents {
  /** For one user alone; see `OwnTopicPolicy`. */
  [own: `users.${string}`]: {
    notification: Notification;
    'account.changed': Pick<User, 'roles'>;
  };
  /** For editors; see `NewsroomPolicy`. */
  newsroom: { note: Note };
  /** For admins; see `AdminPolicy`. */
  admin: { activity: Activity };
}
