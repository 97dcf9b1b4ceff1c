import { useEffect, useState } from 'react';
import type { Role, User } from '../../../src/users/user';
import { useNotifications } from '../use-notifications';
import type { Ending } from '../use-session';
import { useView } from '../use-view';
import { Admin } from './admin';
import { EntryList } from './entry-list';
import { Newsroom } from './newsroom';
import { SendNotification } from './send-notification';
import { TopBar } from './top-bar';

interface Props {
  user: User;
  /** The session may have ended. */
  onCheck: (because?: Ending) => void;
  /** It has. */
  onEnded: (because: Ending) => void;
  onRoles: (roles: readonly Role[]) => void;
}

export function SignedIn({ user, onCheck, onEnded, onRoles }: Props) {
  const [hasLostNewsroom, setHasLostNewsroom] = useState(false);
  const isEditor = user.roles.includes('editor');
  const isAdmin = user.roles.includes('admin');
  const check = () => onCheck();

  const { connection, entries, retryNow } = useNotifications(user.id, {
    onRoles: (roles) => {
      setHasLostNewsroom(isEditor && !roles.includes('editor'));
      onRoles(roles);
    },
    onRefused: check,
  });

  const reason = connection.phase === 'closed' ? connection.reason : undefined;
  useEffect(() => {
    if (reason === 'signed-out' || reason === 'expired') {
      onEnded(reason);
    } else if (reason === 'revoked') {
      // This stream only, or the session with it.
      onCheck('revoked');
    }
  }, [reason]);

  const view = useView();
  return (
    <>
      <TopBar
        user={user}
        connection={connection}
        onRetry={retryNow}
        onCheck={onCheck}
      />
      {isAdmin && view === 'admin' ? (
        <Admin admin={user} onRefused={check} />
      ) : (
        <main className="columns">
          <SendNotification user={user} />
          <div className="stack">
            {isEditor && (
              <Newsroom
                isPageLive={connection.phase === 'live'}
                onRefused={check}
              />
            )}
            {hasLostNewsroom && (
              <p className="banner" role="alert">
                An administrator has taken the editor role from you. The
                newsroom is closed; your notifications go on.
              </p>
            )}
            <section aria-labelledby="notifications-title">
              <div className="section-head">
                <h2 id="notifications-title">
                  Your notifications{' '}
                  {entries.list && (
                    <span className="count">{entries.list.length}</span>
                  )}
                </h2>
              </div>
              <EntryList
                what="notifications"
                entries={entries}
                connection={connection}
                empty="What others send you appears here at once, in every tab."
                onRetry={retryNow}
              />
            </section>
          </div>
        </main>
      )}
    </>
  );
}
