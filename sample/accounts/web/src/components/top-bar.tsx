import { useState } from 'react';
import type { User } from '../../../src/users/user';
import { Refusal, signOut } from '../api';
import type { Connection } from '../feed';
import type { Ending } from '../use-session';
import { useView } from '../use-view';
import { ConnectionState } from './connection-state';

interface Props {
  user?: User;
  connection?: Connection;
  onRetry?: () => void;
  /** The session may have ended. */
  onCheck?: (because?: Ending) => void;
}

export function TopBar({ user, connection, onRetry, onCheck }: Props) {
  return (
    <header className="top">
      <div className="top-inner">
        <h1>
          <img src="/favicon.svg" alt="" width="28" height="28" />
          Accounts
        </h1>
        {user?.roles.includes('admin') && <Views />}
        {connection && (
          <ConnectionState connection={connection} onRetry={onRetry} />
        )}
        {user && <CurrentUser user={user} onCheck={onCheck} />}
      </div>
    </header>
  );
}

function Views() {
  const view = useView();
  return (
    <nav aria-label="Views">
      <a href="#" aria-current={view === 'home' ? 'page' : undefined}>
        Notifications
      </a>
      <a href="#admin" aria-current={view === 'admin' ? 'page' : undefined}>
        Admin
      </a>
    </nav>
  );
}

function CurrentUser({
  user,
  onCheck,
}: { user: User } & Pick<Props, 'onCheck'>) {
  const [phase, setPhase] = useState<'idle' | 'leaving' | 'failed'>('idle');

  // The streams of every tab say that it is signed out. But this one's may have
  // ended before.
  const leave = async () => {
    setPhase('leaving');
    try {
      await signOut();
    } catch (reason) {
      if (!(reason instanceof Refusal && reason.status === 401)) {
        setPhase('failed');
        return;
      }
    }
    onCheck?.('signed-out');
    // Whoever has signed in meanwhile, in another tab, may sign out as well.
    setPhase('idle');
  };

  return (
    <div className="current-user">
      <p>
        <strong>{user.name}</strong>
        {user.roles.map((role) => (
          <span key={role} className="chip">
            {role}
          </span>
        ))}
      </p>
      <button
        type="button"
        className="small"
        aria-disabled={phase === 'leaving'}
        onClick={leave}
      >
        {phase === 'leaving' ? 'Signing out…' : 'Sign out'}
      </button>
      {phase === 'failed' && (
        <p className="field-error" role="alert">
          Not signed out: the server cannot be reached.
        </p>
      )}
    </div>
  );
}
