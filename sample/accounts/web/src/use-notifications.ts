import { useReducer } from 'react';
import type { Role } from '../../src/users/user';
import { loadNotifications } from './api';
import { type Entry, reduceEntries } from './entries';
import { useFeed } from './use-feed';

interface Listener {
  onRoles: (roles: readonly Role[]) => void;
  onRefused: () => void;
}

/** What is for this user alone. */
export function useNotifications(
  userId: string,
  { onRoles, onRefused }: Listener,
) {
  const [entries, dispatch] = useReducer(reduceEntries, {});
  const feed = useFeed<Entry[]>(
    userId,
    {
      path: `/users/${encodeURIComponent(userId)}/events`,
      types: ['notification', 'account.changed'],
      load: (signal) => loadNotifications(userId, signal),
    },
    {
      onLoaded: (list) => dispatch({ is: 'loaded', list }),
      onEvent: ({ type, data }) =>
        type === 'notification'
          ? dispatch({ is: 'new', entry: data })
          : onRoles(data.roles),
      onRefused,
    },
  );
  return { ...feed, entries };
}
