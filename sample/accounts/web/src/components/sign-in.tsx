import { type FormEvent, useState } from 'react';
import type { User } from '../../../src/users/user';
import { Refusal, signIn } from '../api';
import type { Ending } from '../use-session';
import { Field } from './field';

interface Props {
  because?: Ending;
  onSignedIn: (user: User) => void;
}

const WHY: Record<Ending, string> = {
  'signed-out': 'You have signed out, in every tab and on every device.',
  expired: 'Your session has expired. Sign in again to go on.',
  revoked: 'An administrator has ended your session.',
  ended: 'Your session has ended. Sign in again to go on.',
};

const DEMO = ['ada', 'ben', 'admin'];

export function SignIn({ because, onSignedIn }: Props) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<Error>();
  const [isBusy, setIsBusy] = useState(false);
  const fields = error instanceof Refusal ? error.fields : {};

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    setIsBusy(true);
    setError(undefined);
    try {
      onSignedIn(await signIn(name, password));
    } catch (reason) {
      setError(reason as Error);
      setIsBusy(false);
    }
  };

  return (
    <section className="card sign-in" aria-labelledby="sign-in-title">
      {because && (
        <p className="banner" role="alert">
          {WHY[because]}
        </p>
      )}
      <h2 id="sign-in-title">Sign in</h2>
      {/* The server has the say on what is valid, so its messages are shown. */}
      <form onSubmit={submit} noValidate>
        <Field label="Name" errors={fields.name}>
          {(attributes) => (
            <input
              {...attributes}
              name="name"
              autoFocus={because !== undefined}
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              value={name}
              onChange={({ target }) => setName(target.value)}
            />
          )}
        </Field>
        <Field label="Password" errors={fields.password}>
          {(attributes) => (
            <input
              {...attributes}
              name="password"
              type="password"
              autoComplete="current-password"
              value={password}
              onChange={({ target }) => setPassword(target.value)}
            />
          )}
        </Field>
        <p className="form-state" role="alert" data-phase="refused">
          {Object.keys(fields).length === 0 && error?.message}
        </p>
        <button type="submit" className="primary" aria-disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
      <div className="demo-users">
        <p className="muted">Demo users</p>
        <div className="buttons">
          {DEMO.map((user) => (
            <button
              key={user}
              type="button"
              className="small"
              aria-label={`Fill in ${user}`}
              onClick={() => {
                setName(user);
                setPassword(`${user}-demo`);
              }}
            >
              {user}
            </button>
          ))}
        </div>
      </div>
    </section>
  );
}
