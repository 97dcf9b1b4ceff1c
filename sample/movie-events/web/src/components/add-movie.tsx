import { type FormEvent, useEffect, useState } from 'react';
import type { Draft } from '../api';
import type { Sending } from '../unsent-movie';
import { useUnsentMovie } from '../use-unsent-movie';
import { MovieFields } from './movie-fields';

const EMPTY: Draft = { title: '', year: '', genre: '' };

export function AddMovie({ isLive }: { isLive: boolean }) {
  const { sending, unsent, send, retryNow, discard } = useUnsentMovie(isLive);
  const [draft, setDraft] = useState(unsent ?? EMPTY);
  const isUnsent = unsent !== undefined;

  useEffect(() => {
    if (sending.phase === 'sent') {
      setDraft(EMPTY);
    }
  }, [sending]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isUnsent) {
      send(draft);
    }
  };

  return (
    <section className="card add-movie" aria-labelledby="add-title">
      <h2 id="add-title">Add a movie</h2>
      {/* The server has the say on what is valid, so its messages are shown. */}
      <form onSubmit={submit} noValidate>
        <MovieFields
          draft={draft}
          onChange={(typed) => isUnsent || setDraft(typed)}
          disabled={sending.phase === 'waiting'}
          errors={
            sending.phase === 'refused' ? sending.refusal.fields : undefined
          }
        />
        <p className="form-state" role="status" data-phase={sending.phase}>
          {describe(sending)}
        </p>
        {sending.phase === 'waiting' ? (
          <div className="buttons">
            <button type="button" className="primary" onClick={retryNow}>
              Try now
            </button>
            <button type="button" onClick={discard}>
              Discard
            </button>
          </div>
        ) : (
          // Not disabled, which would take the focus away from it.
          <button type="submit" className="primary" aria-disabled={isUnsent}>
            {isUnsent ? 'Sending…' : 'Add movie'}
          </button>
        )}
      </form>
    </section>
  );
}

function describe(sending: Sending): string {
  switch (sending.phase) {
    case 'refused':
      return sending.refusal.message;
    case 'waiting':
      return 'Not sent yet: the server cannot be reached. The movie is kept here, also if you reload, and sent when the server is back.';
    case 'sent':
      return `“${sending.title}” is added.`;
    default:
      return '';
  }
}
