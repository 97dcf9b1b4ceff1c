import { useReducer, useState } from 'react';
import { loadNotes } from './api';
import { type Entry, reduceEntries } from './entries';
import { useFeed } from './use-feed';

/** What editors write, and the names of those who are there. */
export function useNewsroom(onRefused: () => void) {
  const [entries, dispatch] = useReducer(reduceEntries, {});
  const [present, setPresent] = useState<string[]>([]);
  const feed = useFeed<Entry[]>(
    'newsroom',
    { path: '/newsroom/events', types: ['note', 'present'], load: loadNotes },
    {
      onLoaded: (list) => dispatch({ is: 'loaded', list }),
      onEvent: ({ type, data }) =>
        type === 'note'
          ? dispatch({ is: 'new', entry: data })
          : setPresent(data.names),
      onRefused,
    },
  );
  return { ...feed, entries, present };
}
