import { useState } from 'react';
import type { User } from '../../../src/users/user';
import { useOverview } from '../use-overview';
import { ActivityList } from './activity-list';
import { ConnectionList } from './connection-list';
import { ConnectionState } from './connection-state';
import { Notice } from './notice';
import { PeopleList } from './people-list';

interface Props {
  admin: User;
  onRefused: () => void;
}

export function Admin({ admin, onRefused }: Props) {
  const { connection, overview, activity, retryNow } = useOverview(onRefused);
  const [error, setError] = useState<string>();

  // What has come of it is told by the stream.
  const act = (action: Promise<void>) => {
    setError(undefined);
    action.catch((reason: Error) => setError(reason.message));
  };

  return (
    <main className="admin">
      {connection.phase !== 'live' && (
        <ConnectionState connection={connection} onRetry={retryNow} />
      )}
      <p className="field-error" role="alert">
        {error}
      </p>
      {overview ? (
        <>
          <PeopleList admin={admin} overview={overview} onAct={act} />
          <ConnectionList overview={overview} onAct={act} />
        </>
      ) : (
        <Notice
          title={
            connection.phase === 'reconnecting'
              ? 'The connections could not be loaded'
              : 'Loading the connections…'
          }
          text="They appear here as they come and go."
          isError={connection.phase === 'reconnecting'}
        />
      )}
      <ActivityList activity={activity} />
    </main>
  );
}
