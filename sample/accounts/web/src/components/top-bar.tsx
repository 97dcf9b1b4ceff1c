import { useState } from 'react';
import type { User } from '../../../src/users/user';
import { signOut } from '../api';
import type { Connection } from '../feed';
import { useView } from '../use-view';
import { ConnectionState } from './connection-state';

interface Props {
  user?: User;
  connection?: Connection;
  onRetry?: () => void;
}

export function TopBar({ user, connection, onRetry }: Props) {
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
        {user && <CurrentUser user={user} />}
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

function CurrentUser({ user }: { user: User }) {
  const [phase, setPhase] = useState<'idle' | 'leaving' | 'failed'>('idle');

  // The page does nothing with the answer: its streams say that it is signed
  // out, as they do in every other tab.
  const leave = async () => {
    setPhase('leaving');
    try {
      await signOut();
    } catch {
      setPhase('failed');
    }
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
