import { useState } from 'react';
import type { Activity } from '../../src/activity/activity';
import type { Overview } from '../../src/admin/overview';
import { useFeed } from './use-feed';

export interface ActivityEntry extends Activity {
  id: string;
}

const SHOWN = 20;

/** What the server tells its admins. */
export function useOverview(onRefused: () => void) {
  const [overview, setOverview] = useState<Overview>();
  const [activity, setActivity] = useState<ActivityEntry[]>([]);
  const feed = useFeed(
    'admin',
    { path: '/admin/events', types: ['overview', 'activity'] },
    {
      onEvent: ({ type, data, lastEventId: id }) =>
        type === 'overview'
          ? setOverview(data)
          : setActivity((known) => [
              { ...data, id },
              ...known.filter((entry) => entry.id !== id).slice(0, SHOWN - 1),
            ]),
      onRefused,
    },
  );
  return { ...feed, overview, activity };
}
