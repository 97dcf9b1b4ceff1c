import { type FormEvent, useEffect, useState } from 'react';
import type { Person, User } from '../../../src/users/user';
import { Refusal, loadPeople, sendNotification } from '../api';
import { useDraft } from '../use-draft';
import { Field } from './field';

type Sending =
  | { phase: 'idle' }
  | { phase: 'sending' }
  | { phase: 'refused'; error: Error }
  | { phase: 'sent'; to: string };

export function SendNotification({ user }: { user: User }) {
  const [people, setPeople] = useState<Person[]>([]);
  const [to, setTo] = useState('');
  const { draft, setText } = useDraft();
  const [sending, setSending] = useState<Sending>({ phase: 'idle' });
  const error = sending.phase === 'refused' ? sending.error : undefined;
  const fields = error instanceof Refusal ? error.fields : {};
  const recipient = to || people.find(({ id }) => id !== user.id)?.id || '';

  useEffect(() => {
    // Whoever is signed in can reach the form again by a reload.
    loadPeople().then(setPeople, (reason) =>
      setSending({ phase: 'refused', error: reason }),
    );
  }, []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (sending.phase === 'sending') {
      return;
    }
    setSending({ phase: 'sending' });
    try {
      await sendNotification(recipient, draft);
      setSending({ phase: 'sent', to: nameOf(people, recipient) });
      setText('');
    } catch (reason) {
      setSending({ phase: 'refused', error: reason as Error });
    }
  };

  return (
    <section className="card send" aria-labelledby="send-title">
      <h2 id="send-title">Notify somebody</h2>
      <form onSubmit={submit} noValidate>
        <Field label="To">
          {(attributes) => (
            <select
              {...attributes}
              name="to"
              value={recipient}
              onChange={({ target }) => setTo(target.value)}
            >
              {people.map(({ id, name }) => (
                <option key={id} value={id}>
                  {id === user.id ? `${name} (you)` : name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Text" errors={fields.text}>
          {(attributes) => (
            <textarea
              {...attributes}
              name="text"
              rows={3}
              value={draft.text}
              onChange={({ target }) => setText(target.value)}
            />
          )}
        </Field>
        <p className="form-state" role="status" data-phase={sending.phase}>
          {describe(sending, fields)}
        </p>
        <button
          type="submit"
          className="primary"
          aria-disabled={sending.phase === 'sending'}
        >
          {sending.phase === 'sending' ? 'Sending…' : 'Send'}
        </button>
      </form>
      <FromTerminal user={user} to={recipient} />
    </section>
  );
}

function FromTerminal({ user, to }: { user: User; to: string }) {
  return (
    <details className="terminal">
      <summary>From a terminal</summary>
      <pre>
        {`curl -c cookies.txt ${location.origin}/session \\
  -H 'Content-Type: application/json' \\
  -d '{"name":"${user.id}","password":"${user.id}-demo"}'

curl -b cookies.txt ${location.origin}/users/${to}/notifications \\
  -H 'Content-Type: application/json' \\
  -d '{"text":"Hello"}'`}
      </pre>
    </details>
  );
}

function describe(sending: Sending, fields: object): string {
  switch (sending.phase) {
    case 'refused':
      return Object.keys(fields).length === 0 ? sending.error.message : '';
    case 'sent':
      return `Sent to ${sending.to}.`;
    default:
      return '';
  }
}

function nameOf(people: Person[], userId: string): string {
  return people.find(({ id }) => id === userId)?.name ?? userId;
}
