import { useCallback, useEffect, useState } from 'react';
import type { Role, User } from '../../src/users/user';
import { loadSession } from './api';
import { backOff } from './back-off';

/** Why somebody who was signed in is not any more. */
export type Ending = 'signed-out' | 'expired' | 'revoked' | 'ended';

export type Session =
  | { phase: 'loading' }
  | { phase: 'unreachable'; attempt: number }
  | { phase: 'signed in'; user: User }
  | { phase: 'signed out'; because?: Ending };

/** Who is signed in, as the server sees it. */
export function useSession() {
  const [session, setSession] = useState<Session>({ phase: 'loading' });

  /** Asks the server. `because` is what a stream has said, if one has. */
  const check = useCallback(async (because?: Ending) => {
    try {
      const { user, ...none } = await loadSession();
      setSession((before) =>
        user
          ? { phase: 'signed in', user }
          : afterNobody(before, because ?? endingOf(before, none)),
      );
    } catch {
      setSession(afterNoAnswer);
    }
  }, []);

  useEffect(() => void check(), [check]);

  useEffect(() => {
    if (session.phase !== 'unreachable') {
      return;
    }
    const timer = setTimeout(() => void check(), backOff(session.attempt));
    return () => clearTimeout(timer);
  }, [session, check]);

  return {
    session,
    check,
    signedIn: (user: User) => setSession({ phase: 'signed in', user }),
    ended: (because: Ending) => setSession({ phase: 'signed out', because }),
    rolesChanged: (roles: readonly Role[]) =>
      setSession((before) =>
        before.phase === 'signed in'
          ? { ...before, user: { ...before.user, roles } }
          : before,
      ),
  };
}

function afterNobody(before: Session, because?: Ending): Session {
  return before.phase === 'signed out'
    ? before
    : { phase: 'signed out', because };
}

function afterNoAnswer(before: Session): Session {
  switch (before.phase) {
    case 'loading':
      return { phase: 'unreachable', attempt: 1 };
    case 'unreachable':
      return { phase: 'unreachable', attempt: before.attempt + 1 };
    default:
      // The streams keep trying, and ask again.
      return before;
  }
}

function endingOf(
  before: Session,
  { reason }: { reason?: string },
): Ending | undefined {
  if (reason === 'expired' || reason === 'ended') {
    return reason;
  }
  // Another tab has signed out, and with it went the cookie.
  return before.phase === 'signed in' ? 'signed-out' : undefined;
}
