import { Notice } from './components/notice';
import { SignIn } from './components/sign-in';
import { SignedIn } from './components/signed-in';
import { TopBar } from './components/top-bar';
import { useSession } from './use-session';

export function App() {
  const { session, check, signedIn, ended, rolesChanged } = useSession();

  switch (session.phase) {
    case 'loading':
      return (
        <>
          <TopBar connection={{ phase: 'connecting' }} />
          <main className="single" aria-busy="true" />
        </>
      );
    case 'unreachable':
      return (
        <>
          <TopBar
            connection={{ phase: 'reconnecting', attempt: session.attempt }}
          />
          <main className="single">
            <Notice
              title="The server cannot be reached"
              text="This page keeps trying."
              isError
            >
              <button
                type="button"
                className="primary"
                onClick={() => void check()}
              >
                Try now
              </button>
            </Notice>
          </main>
        </>
      );
    case 'signed out':
      return (
        <>
          <TopBar
            connection={
              session.because && { phase: 'closed', reason: session.because }
            }
          />
          <main className="single">
            <SignIn because={session.because} onSignedIn={signedIn} />
          </main>
        </>
      );
    case 'signed in':
      return (
        <SignedIn
          key={session.user.id}
          user={session.user}
          onCheck={check}
          onEnded={ended}
          onRoles={rolesChanged}
        />
      );
  }
}
