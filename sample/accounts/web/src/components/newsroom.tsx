import { type FormEvent, useState } from 'react';
import { writeNote } from '../api';
import { useDraft } from '../use-draft';
import { useNewsroom } from '../use-newsroom';
import { ConnectionState } from './connection-state';
import { EntryList } from './entry-list';

interface Props {
  /** Whether the page's own stream is: the header says so if it is not. */
  isPageLive: boolean;
  onRefused: () => void;
}

/** For editors only: others have no stream that would carry it. */
export function Newsroom({ isPageLive, onRefused }: Props) {
  const { connection, entries, present, retryNow } = useNewsroom(onRefused);
  const isLive = connection.phase === 'live';
  return (
    <section className="newsroom" aria-labelledby="newsroom-title">
      <div className="section-head">
        <h2 id="newsroom-title">
          Newsroom <span className="chip">editors only</span>
        </h2>
        {isPageLive && !isLive && (
          <ConnectionState connection={connection} onRetry={retryNow} />
        )}
      </div>
      <WriteNote />
      {isLive && present.length > 0 && (
        <p className="present muted">Here now: {present.join(', ')}</p>
      )}
      <EntryList
        what="notes"
        entries={entries}
        connection={connection}
        empty="What an editor writes is shown to editors, and to nobody else."
        onRetry={retryNow}
      />
    </section>
  );
}

function WriteNote() {
  const { draft, setText } = useDraft();
  const [error, setError] = useState<Error>();
  const [isBusy, setIsBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    setIsBusy(true);
    setError(undefined);
    try {
      await writeNote(draft);
      setText('');
    } catch (reason) {
      setError(reason as Error);
    }
    setIsBusy(false);
  };

  return (
    <form className="write-note" onSubmit={submit} noValidate>
      <div className="one-line">
        <input
          name="note"
          aria-label="A note for editors"
          aria-invalid={error !== undefined}
          aria-describedby={error && 'note-error'}
          placeholder="A note for editors"
          autoComplete="off"
          value={draft.text}
          onChange={({ target }) => setText(target.value)}
        />
        <button type="submit" aria-disabled={isBusy}>
          Publish
        </button>
      </div>
      {error && (
        <p className="field-error" id="note-error" role="alert">
          {error.message}
        </p>
      )}
    </form>
  );
}
